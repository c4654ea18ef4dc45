import { close } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Ctx } from '../common/ctx.ts';
import type { WorkerPool } from './workers/pool.ts';

/** Loop files of this process (image/loop-file.ts). */
export interface Loops {
  /** Mounts the file system of a directory with a loop file for this process alone. As often as wanted: it is one. */
  open(ctx: Ctx, directory: string): Promise<OpenLoop>;
}

/** Until it is disposed, which waits for what was written to be in the file if nobody else has it mounted. */
export interface OpenLoop extends AsyncDisposable {
  /** Of the root of a mount that is attached nowhere. */
  readonly fd: number;
  /** Of the same root, for this process. */
  readonly path: string;
}

/** In the directory. */
export const LOOP_FILE = 'loop';

/** Whether what a limited directory holds is in a loop file. */
export async function hasLoopFile(directory: string): Promise<boolean> {
  try {
    await access(join(directory, LOOP_FILE));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

const closeFd = promisify(close);

export const openLoops = (pool: WorkerPool): Loops => ({
  open: async (ctx, directory) => {
    const fd = await pool.run(ctx, { kind: 'mount-loop', directory });
    return { fd, path: `/proc/self/fd/${fd}`, [Symbol.asyncDispose]: () => closeFd(fd) };
  },
});
