import type { Socket } from 'node:net';

/** The bytes that a socket receives, read on demand, with the way back for what was read too far. */
export interface ByteReader {
  /** The next bytes; undefined at the end. */
  read(): Promise<Buffer | undefined>;
  /** Puts bytes back: the next read returns them. */
  unread(bytes: Buffer): void;
}

export function byteReader(socket: Socket): ByteReader {
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let waiting: Buffer | undefined;
  return {
    read: async () => {
      if (waiting !== undefined) {
        const bytes = waiting;
        waiting = undefined;
        return bytes;
      }
      const next = await chunks.next();
      return next.done === true ? undefined : next.value;
    },
    unread: (bytes) => {
      if (bytes.length > 0) waiting = waiting === undefined ? bytes : Buffer.concat([bytes, waiting]);
    },
  };
}
