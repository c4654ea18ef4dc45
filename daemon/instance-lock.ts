import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { conflict } from '../common/errors.ts';
import { tryLock } from '../native/sys/flock.ts';

/**
 * Makes this the only daemon on a directory, until disposed or dead: the kernel gives the lock back then, whatever happened.
 * Throws `conflict` that names the directory and the other's process.
 */
export async function lockDirectory(directory: string, what: string): Promise<AsyncDisposable> {
  const file = await open(join(directory, 'wherryd.lock'), 'a+', 0o600);
  if (!tryLock(file.fd)) {
    const pid = (await readPid(file)) ?? 'unknown';
    await file.close();
    throw conflict(
      `Cannot use the ${what} "${directory}": another wherryd, process ${pid}, is running on it`,
    );
  }
  await file.truncate(0);
  await file.write(`${process.pid}\n`);
  return { [Symbol.asyncDispose]: () => file.close() };
}

async function readPid(file: FileHandle): Promise<string | undefined> {
  const buffer = Buffer.alloc(32);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  return /^\d+/.exec(buffer.toString('latin1', 0, bytesRead))?.[0];
}
