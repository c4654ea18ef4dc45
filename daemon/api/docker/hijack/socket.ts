import type { Socket } from 'node:net';
import { once } from 'node:events';

/** A connection taken over from the HTTP server, and what was read from it already. */
export interface Hijacked {
  readonly socket: Socket;
  head: Buffer;
}

interface Handle {
  readStop(): number;
  reading: boolean;
}

/**
 * Stops reading from the kernel: from here on the bytes belong to whoever gets the descriptor. `socket.pause()` alone would
 * let libuv read on until its buffer is full. What libuv has read by now goes to `head`.
 */
export function stopReading(connection: Hijacked): void {
  const { socket } = connection;
  const handle = (socket as unknown as { _handle: Handle | null })._handle;
  if (handle !== null) {
    handle.reading = false;
    handle.readStop();
  }
  socket.pause();
  const buffered = socket.read() as Buffer | null;
  if (buffered !== null) connection.head = Buffer.concat([connection.head, buffered]);
}

/** Takes `length` bytes off the connection; throws when it ends before. */
export async function take(connection: Hijacked, length: number): Promise<Buffer> {
  while (connection.head.length < length) await readMore(connection);
  const taken = connection.head.subarray(0, length);
  connection.head = connection.head.subarray(length);
  return taken;
}

/** Takes what comes before the next CRLF, and that too. */
export async function takeLine(connection: Hijacked, maxBytes: number): Promise<string> {
  for (;;) {
    const end = connection.head.indexOf('\r\n');
    if (end !== -1) {
      const line = connection.head.subarray(0, end).toString('latin1');
      connection.head = connection.head.subarray(end + 2);
      return line;
    }
    if (connection.head.length > maxBytes) throw new Error('A chunk header is too long');
    await readMore(connection);
  }
}

async function readMore(connection: Hijacked): Promise<void> {
  const { socket } = connection;
  let chunk = socket.read() as Buffer | null;
  while (chunk === null) {
    if (socket.readableEnded || socket.destroyed)
      throw new Error('The connection ended in the middle of a request');
    await Promise.race([once(socket, 'readable'), once(socket, 'end'), once(socket, 'close')]);
    chunk = socket.read() as Buffer | null;
  }
  connection.head = Buffer.concat([connection.head, chunk]);
}

/** Resolves once the kernel has the bytes, so that nothing of ours comes after what the next owner writes. */
export function writeFully(socket: Socket, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(data, (error) => (error ? reject(error) : resolve()));
  });
}
