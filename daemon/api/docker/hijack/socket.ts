import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { checkContentType, MAX_BODY_BYTES, tooLarge } from '../body.ts';
import { bridge } from './bridge.ts';

/** A connection taken over from the HTTP server: nothing of node reads it any more. */
export interface Hijacked {
  readonly socket: Socket;
  /** What was read after the request, to be served first. */
  readonly head: Buffer;
  /** The request's body; empty for none. */
  readonly body: string;
}

interface Handle {
  reading: boolean;
  readStart(): number;
  readStop(): number;
}

/**
 * Takes the connection of a request that node's HTTP server gave up (`upgrade` event), together with its body. Node hands over
 * the socket itself when the body came with the head; otherwise a stand-in that stays silent until the body is complete. From
 * the moment this resolves every further byte stays in the kernel, for whoever gets the descriptor; one that speaks TLS is bridged. Throws `invalid-argument`
 * for a body of another type than JSON, or one that is too large.
 */
export async function takeOver(message: IncomingMessage, stream: Duplex, head: Buffer): Promise<Hijacked> {
  const { socket } = message;
  const early: Buffer[] = [head];
  if (stream === socket) early.push(stopReading(socket));
  else stream.on('data', (chunk: Buffer) => early.push(chunk));
  const body = await readBody(message);
  if (stream !== socket) {
    await turn();
    stream.removeAllListeners('data');
    socket.removeAllListeners('data');
    early.push(stopReading(socket));
  }
  if (body !== '') checkContentType(message.headers);
  const plain = socket instanceof TLSSocket ? bridge(socket) : socket;
  return { socket: plain, head: Buffer.concat(early), body };
}

/** Collects by listeners: ending an iteration early would destroy the connection before it is answered. */
async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  message.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
  });
  if (!message.readableEnded) await Promise.race([once(message, 'end'), once(message, 'close')]);
  if (length > MAX_BODY_BYTES) throw tooLarge();
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Stops reading from the kernel and returns what libuv has read by now. `socket.pause()` alone would let libuv read on until
 * its buffer is full. All in one turn of the loop, and `readStop` last, since `read` starts the handle again.
 */
function stopReading(socket: Socket): Buffer {
  socket.pause();
  const read: Buffer[] = [];
  for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
    read.push(chunk);
  }
  const handle = handleOf(socket);
  // The bridge reads on: node's stream takes it that a read is under way.
  if (handle !== null && !(socket instanceof TLSSocket)) {
    handle.readStop();
    handle.reading = false;
  }
  return Buffer.concat(read);
}

/** Resolves once the kernel has the bytes, so that nothing of ours comes after what the next owner writes. */
export function writeFully(socket: Socket, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

/** How long a client that was told the end may keep the connection. */
const LINGER_MS = 5000;

/** Sends the last bytes, and closes once the client has: data that it is still sending would otherwise reset the connection. */
export function finish(socket: Socket, data: string | Uint8Array): void {
  socket.end(data);
  letGo(socket);
}

/** Reads and drops what the client still sends, until it closes. For a connection that got its last byte. */
export function letGo(socket: Socket): void {
  const handle = handleOf(socket);
  if (handle !== null) {
    handle.reading = true;
    handle.readStart();
  }
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

const handleOf = (socket: Socket): Handle | null => (socket as unknown as { _handle: Handle | null })._handle;
