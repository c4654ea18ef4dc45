import { mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AT_FDCWD, isErrno, mkdirAt, unlinkAt } from '../../../native/sys/files.ts';

/** Makes and removes directories below one of the data root's. */
export interface Directories {
  /** With what it is in, if that is missing; one that is there stays as it is. */
  make(path: string, mode: number): Promise<void>;
  /** In this order. False: there is more in one of them. Most volumes of tests and builds hold nothing. */
  removeEmpty(paths: readonly string[]): Promise<boolean>;
}

/**
 * On the disk that the rows are on, which this thread writes itself, it makes directories itself, too: a turn of a thread of the pool
 * takes ten times as long as the call. Where somebody has mounted another one, only those threads wait for it.
 */
export function directoriesIn(root: string): Directories {
  let known: Promise<boolean> | undefined;
  const isOnDiskOfRows = (): Promise<boolean> => (known ??= areOnOneDisk(root, dirname(root)));
  return {
    make: async (path, mode) => {
      const isMade = (await isOnDiskOfRows()) && makeNow(path, mode);
      if (!isMade) await mkdir(path, { recursive: true, mode });
    },
    removeEmpty: async (paths) => {
      const isNow = await isOnDiskOfRows();
      try {
        for (const path of paths) {
          if (isNow) unlinkAt(AT_FDCWD, path, true);
          else await rmdir(path);
        }
        return true;
      } catch {
        return false;
      }
    },
  };
}

async function areOnOneDisk(one: string, other: string): Promise<boolean> {
  try {
    return (await stat(one)).dev === (await stat(other)).dev;
  } catch {
    return false;
  }
}

/** False: what it is to be in is missing. */
function makeNow(path: string, mode: number): boolean {
  try {
    mkdirAt(AT_FDCWD, path, mode);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    if (!isErrno(error, 'EEXIST')) throw error;
  }
  return true;
}
