import { notImplemented } from '../../common/errors.ts';
import type { Disk } from '../disk.ts';
import type { StoreParts } from '../parts.ts';

export function makeDisk(_parts: StoreParts): Disk {
  const missing = (): never => {
    throw notImplemented('Disk accounts are not supported yet');
  };
  return {
    usage: missing,
    layers: missing,
    diff: missing,
    verify: missing,
    check: missing,
    prune: missing,
    reclaim: missing,
    pin: missing,
    touch: () => {},
  };
}
