import { OCI_VERSION } from '../container/state.ts';
import { VERSION } from '../../common/version.ts';

/** Podman and containerd parse the lines. */
export const versionText = (): string =>
  `wherry-runtime version ${VERSION}\ncommit: v${VERSION}\nspec: ${OCI_VERSION}\n`;
