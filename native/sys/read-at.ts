import { readSync } from 'node:fs';
import { inCall } from '../ffi/beat.ts';

/** Fills `into` from `position` on; returns how many bytes there were. For worker threads. man 2 pread. */
export function readAt(fd: number, into: Uint8Array, position: number): number {
  for (let bytes = 0; ;) {
    const read = inCall(() => readSync(fd, into, bytes, into.byteLength - bytes, position + bytes));
    bytes += read;
    if (read === 0 || bytes === into.byteLength) return bytes;
  }
}
