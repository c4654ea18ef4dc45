import { readdir, rm, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes a directory of files: far cheaper than a recursive `rm`, which is for what is unexpected. What is gone is no error. */
export async function removeDirectory(path: string): Promise<void> {
  try {
    const names = await readdir(path);
    await Promise.all(names.map((name) => unlinkIfThere(join(path, name))));
    await rmdir(path);
  } catch {
    // One that its owner is removing too: what is gone by now is no error to rm.
    await rm(path, { recursive: true, force: true });
  }
}

/** A shim takes its socket away itself when it ends. */
async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
