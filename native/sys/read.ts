import { readSync } from 'node:fs';

/** Reads from where the descriptor is, at most what `into` holds; 0 is the end. For worker threads. man 2 read. */
export const readInto = (fd: number, into: Uint8Array): number =>
  readSync(fd, into, 0, into.byteLength, null);
