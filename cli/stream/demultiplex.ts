import { WherryError } from '../../common/errors.ts';
import type { Sink } from './sinks.ts';

const HEADER_BYTES = 8;
const STDERR = 2;
/** Docker's stream 3: the daemon's own error, which ends the stream. */
const SYSTEM_ERROR = 3;

/**
 * Splits docker's multiplexed stream (1 byte stream, 3 zero bytes, 4 bytes big-endian length, payload) into its two outputs.
 * A frame's payload is passed on as it arrives: a frame may be larger than memory, a chunk may end inside a header.
 */
export function demultiplexer(sinks: { readonly stdout: Sink; readonly stderr: Sink }): Sink {
  const header = Buffer.alloc(HEADER_BYTES);
  let headerBytes = 0;
  let payloadLeft = 0;
  let systemError = '';

  /** Consumes from the front of `bytes`; returns what is left and what has to be waited for. */
  const step = (bytes: Uint8Array): { rest: Uint8Array; pending: Promise<void> | undefined } => {
    if (payloadLeft > 0) {
      const payload = bytes.subarray(0, payloadLeft);
      payloadLeft -= payload.length;
      return { rest: bytes.subarray(payload.length), pending: deliver(payload) };
    }
    const part = bytes.subarray(0, HEADER_BYTES - headerBytes);
    header.set(part, headerBytes);
    headerBytes += part.length;
    if (headerBytes === HEADER_BYTES) beginFrame();
    return { rest: bytes.subarray(part.length), pending: undefined };
  };

  const beginFrame = (): void => {
    headerBytes = 0;
    payloadLeft = header.readUInt32BE(4);
    const stream = header[0] ?? 0;
    if (stream > SYSTEM_ERROR) throw new WherryError('internal', `Unrecognized input header: ${stream}`);
  };

  const deliver = (payload: Uint8Array): Promise<void> | undefined => {
    const stream = header[0];
    if (stream === SYSTEM_ERROR) {
      systemError += Buffer.from(payload).toString();
      if (payloadLeft > 0) return undefined;
      throw new WherryError('internal', `error from daemon in stream: ${systemError}`);
    }
    return stream === STDERR ? sinks.stderr.write(payload) : sinks.stdout.write(payload);
  };

  return {
    write: async (bytes) => {
      for (let rest = bytes; rest.length > 0;) {
        const { rest: left, pending } = step(rest);
        rest = left;
        if (pending !== undefined) await pending;
      }
    },
  };
}
