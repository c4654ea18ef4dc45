import { basename, join } from 'node:path';
import { readdir, rename, rm, rmdir } from '../../common/patient-fs.ts';
import type { Ctx } from '../../common/ctx.ts';
import { codeOf, messageOf } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import { isErrno } from '../../native/sys/files.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Directories } from './directories.ts';

/** Takes directories out of sight at once and removes them behind the caller's back, also after a crash. */
export interface Trash {
  /** Moves a directory here: one rename. What is gone already is no error; storage that hangs is asked again behind the caller's back. */
  put(path: string): Promise<void>;
  /** Begins to remove what is here. */
  empty(): Promise<void>;
  /** Waits until all is removed that was put here. */
  close(): Promise<void>;
}

/** Storage that hangs is asked again. */
const RETRY_MS = 5_000;

const isHung = (error: unknown): boolean => codeOf(error) === 'deadline-exceeded';
const later = (act: () => void): void => void setTimeout(act, RETRY_MS).unref();

/** Deepest first: what an unused writable snapshot consists of, after a mount with or without `volatile`. */
const SKELETON = ['w/work/incompat/volatile', 'w/work/incompat', 'w/work', 'w', 'u', '.'];

export function openTrash(
  directories: Directories,
  { ctx, log, pool }: { ctx: Ctx; log: Log; pool: WorkerPool },
): Trash {
  let tail: Promise<void> = Promise.resolve();
  const remove = async (name: string): Promise<void> => {
    if (await removeSkeleton(join(directories.trash, name))) return;
    await pool.run(ctx, { kind: 'remove', directory: directories.trash, name });
  };
  const schedule = (name: string): void => {
    tail = tail
      .then(() => remove(name))
      .catch((error: unknown) => {
        log.warn('Cannot remove a snapshot, the next start tries again', { name, error: messageOf(error) });
        if (isHung(error)) later(() => schedule(name));
      });
  };
  const put = async (path: string): Promise<void> => {
    // Numbers of layers and writable snapshots come from one sequence, so they don't meet here.
    const name = basename(path);
    try {
      await rename(path, join(directories.trash, name));
      schedule(name);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return;
      if (!isHung(error)) throw error;
      // It may yet be moved, when the storage answers; nobody has to wait for that.
      log.warn('Cannot move a snapshot to the trash yet', { name, error: messageOf(error) });
      later(() => void put(path).catch(() => {}));
      later(() => schedule(name));
    }
  };
  return {
    put,
    empty: async () => {
      for (const name of await readdir(directories.trash)) schedule(name);
    },
    close: () => tail,
  };
}

/** A container that wrote nothing leaves empty directories: some calls to the kernel, no worker. False if there is more. */
async function removeSkeleton(path: string): Promise<boolean> {
  // The kernel's note that a volatile mount was made.
  await rm(join(path, 'w/work/incompat/volatile/dirty'), { force: true });
  for (const part of SKELETON) {
    try {
      await rmdir(join(path, part));
    } catch (error) {
      if (isErrno(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'ELOOP', 'EBUSY', 'EPERM')) return false;
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }
  return true;
}
