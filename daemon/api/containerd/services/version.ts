import type { ServiceImpl } from '@connectrpc/connect';
import type { Version } from '../gen/containerd/services/version/v1/version_pb.ts';
import { VERSION } from '../../../../common/version.ts';

/** Clients want containerd's version here; what follows the plus says whose it is. */
const VERSION_OF_API = `1.7.0+wherry.${VERSION}`;

export const makeVersion = (): ServiceImpl<typeof Version> => ({
  version: () => ({ version: VERSION_OF_API, revision: '' }),
});
