import { closeSync, createReadStream, openSync } from 'node:fs';
import { fileError } from '../container/environment.ts';

/** Archives are large: fewer, bigger reads. */
const READ_BYTES = 256 * 1024;

export const readStdin = (): AsyncIterable<Buffer> =>
  createReadStream('', { fd: 0, highWaterMark: READ_BYTES });

/** Opened at once so that a missing file is told before anything is sent. */
export function readFile(path: string): AsyncIterable<Buffer> {
  try {
    closeSync(openSync(path, 'r'));
  } catch (error) {
    throw fileError('open', path, error);
  }
  return createReadStream(path, { highWaterMark: READ_BYTES });
}
