import { notImplemented } from '../../common/errors.ts';
import type { Archives } from '../archives.ts';
import type { StoreParts } from '../parts.ts';
import { saveImages } from '../save/save.ts';

export function makeArchives(parts: StoreParts): Archives {
  const missing = (): never => {
    throw notImplemented('Archives are not supported yet');
  };
  return {
    save: (ctx, references, platform) => saveImages(parts, ctx, { references, platform }),
    importRoot: missing,
    commit: missing,
    changes: missing,
    exportRoot: missing,
  };
}
