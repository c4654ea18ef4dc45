import { writeFile } from 'node:fs/promises';
import { internal } from './errors.ts';

/** Writes a file whole. A full disk is told with the path, which Node's own error does not have. */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  try {
    await writeFile(path, data);
  } catch (error) {
    const isFull = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    throw isFull ? internal(`Cannot write to "${path}": no space left on device`, { cause: error }) : error;
  }
}
