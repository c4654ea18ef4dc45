import { open, type FileHandle } from 'node:fs/promises';

export interface LogFile extends AsyncDisposable {
  readonly handle: FileHandle;
  /** Tells a file that was rotated from its successor. */
  readonly inode: bigint;
  /** When it was opened. */
  readonly sizeBytes: number;
}

/**
 * Opens the current log file and the rotated ones, newest first. That order and the inodes make a rotation meanwhile harmless:
 * what moves is met again under its next number and skipped, and nothing is missed.
 */
export async function openLogFiles(path: string): Promise<LogFile[]> {
  const files: LogFile[] = [];
  try {
    for (let number = 0; ; number += 1) {
      const file = await openLogFile(number === 0 ? path : `${path}.${number}`);
      // Between the rotation's rename and its new file there is no current one.
      if (file === undefined && number > 0) return files;
      if (file === undefined) continue;
      if (files.some(({ inode }) => inode === file.inode)) await file[Symbol.asyncDispose]();
      else files.push(file);
    }
  } catch (error) {
    await closeAll(files);
    throw error;
  }
}

/** Undefined when there is none. */
export async function openLogFile(path: string): Promise<LogFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { ino, size } = await handle.stat({ bigint: true });
  return {
    handle,
    inode: ino,
    sizeBytes: Number(size),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

export async function closeAll(files: readonly LogFile[]): Promise<void> {
  await Promise.all(files.map((file) => file[Symbol.asyncDispose]()));
}
