import { readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { inCall } from '../ffi/beat.ts';
import { AT_FDCWD, closeFd, openAt } from './files.ts';

/** Reads from where the descriptor is, at most what `into` holds; 0 is the end. For worker threads. man 2 read. */
export const readInto = (fd: number, into: Uint8Array): number =>
  inCall(() => readSync(fd, into, 0, into.byteLength, null));

/**
 * The bytes of a file, in chunks of their own. For worker threads: it blocks while it reads, and lets the thread hear its messages in
 * between. libuv's threads, which a mount that hangs would keep from everybody, have no part in it.
 */
export async function* chunksOf(path: string, chunkBytes: number): AsyncGenerator<Uint8Array> {
  const fd = openAt(AT_FDCWD, path, { flags: 0 });
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafeSlow(chunkBytes);
      const bytes = readInto(fd, chunk);
      if (bytes === 0) return;
      yield bytes === chunkBytes ? chunk : chunk.subarray(0, bytes);
      await setImmediate();
    }
  } finally {
    closeFd(fd);
  }
}
