import { writeSync } from 'node:fs';
import { WherryError } from '../common/errors.ts';

/** What a program ends with when the reader of its output went away: 128 + SIGPIPE, which Node ignores. */
export const BROKEN_PIPE_STATUS = 141;

/** A pause in a write to a full pipe that somebody else made non-blocking. */
const RETRY_MS = 2;

/** Writes to stdout at once; the text is out when the call returns. */
export const print = (text: string): void => writeAll(1, text);

/** The same for stderr. */
export const printError = (text: string): void => writeAll(2, text);

/**
 * Synchronous, because loading the stream of stdout costs more than most commands' whole output. Commands that stream use
 * `stream/sinks.ts` instead. Throws `canceled` when the reader has gone.
 */
function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE')
        throw new WherryError('canceled', 'The reader of the output has gone', { cause: error });
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
