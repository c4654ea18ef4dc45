import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { readAccountFiles, type AccountFiles } from '../../../runtime/rootfs-files.ts';
import type { OverlayDirs } from '../../../image/snapshots.ts';

const REMEMBERED = 64;

/** Who is who in a container that does not run. */
export interface Accounts {
  of(overlay: Pick<OverlayDirs, 'lower' | 'upper'>): Promise<AccountFiles>;
}

/** Layers never change, so what an image says is read once; a container that has an /etc of its own is read anew. */
export function createAccounts(): Accounts {
  const known = new Map<string, Promise<AccountFiles>>();
  const ofImage = (lower: readonly string[]): Promise<AccountFiles> => {
    const key = lower[0] ?? '';
    const found = known.get(key);
    if (found !== undefined) return found;
    const reading = readAccountFiles(lower);
    known.set(key, reading);
    reading.catch(() => known.delete(key));
    for (const oldest of known.keys()) {
      if (known.size <= REMEMBERED) break;
      known.delete(oldest);
    }
    return reading;
  };
  return {
    of: async ({ lower, upper }) =>
      (await exists(join(upper, 'etc'))) ? readAccountFiles([upper, ...lower]) : ofImage(lower),
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
