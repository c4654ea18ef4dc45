import { notImplemented } from '../../common/errors.ts';
import type { Archives } from '../archives.ts';
import type { StoreParts } from '../parts.ts';

export function makeArchives(_parts: StoreParts): Archives {
  const missing = (): never => {
    throw notImplemented('Archives are not supported yet');
  };
  return { save: missing, importRoot: missing, commit: missing, changes: missing, exportRoot: missing };
}
