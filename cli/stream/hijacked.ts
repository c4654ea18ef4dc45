import type { Socket } from 'node:net';
import type { ByteReader } from '../http/byte-reader.ts';
import { drained } from '../http/drained.ts';
import type { Hijacked } from '../http/daemon.ts';
import { demultiplexer } from './demultiplex.ts';
import { DEFAULT_DETACH_KEYS, detachScanner, parseDetachKeys } from './detach-keys.ts';
import { flushStandard, type Sink, standardSinks } from './sinks.ts';
import { enterRawMode } from './terminal.ts';

export interface StreamOptions {
  /** The container has a terminal: one raw stream instead of frames. */
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Some output is attached; without, the end of the input is the end. */
  readonly output: boolean;
  /** Docker's syntax; the default if undefined. */
  readonly detachKeys: string | undefined;
}

/**
 * Connects this process's stdin, stdout and stderr with a container's until its output ends, the detach keys are typed, or
 * `cancelled` resolves. Everything received has been written and the terminal is restored when it returns.
 */
export async function streamContainer(
  { socket, reader }: Hijacked,
  options: StreamOptions,
  cancelled: Promise<void> = new Promise(() => {}),
): Promise<'ended' | 'detached' | 'cancelled'> {
  const restore = options.stdin && options.tty ? await enterRawMode() : () => undefined;
  try {
    const input = options.stdin ? pumpInput(socket, options) : endInput(socket, options);
    const output = options.output ? pumpOutput({ reader }, options.tty) : new Promise<never>(() => {});
    return await Promise.race([
      output.then(() => 'ended' as const),
      input.then((how) =>
        how === 'detached' || !options.output ? how : output.then(() => 'ended' as const),
      ),
      cancelled.then(() => 'cancelled' as const),
    ]);
  } finally {
    restore();
    process.stdin.pause();
    socket.destroy();
    await flushStandard();
  }
}

async function pumpOutput({ reader }: Pick<Hijacked, 'reader'>, tty: boolean): Promise<void> {
  const sinks = standardSinks();
  const sink: Sink = tty ? sinks.stdout : demultiplexer(sinks);
  for (let bytes = await next(reader); bytes !== undefined; bytes = await next(reader))
    await sink.write(bytes);
}

/** A container that ends without reading its input resets the connection: for the output that is the end. */
async function next(reader: ByteReader): Promise<Buffer | undefined> {
  try {
    return await reader.read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ECONNRESET' || code === 'EPIPE') return undefined;
    throw error;
  }
}

/** Tells the daemon that nothing will be typed. */
async function endInput(socket: Socket, options: StreamOptions): Promise<'ended'> {
  socket.end();
  return options.output ? new Promise(() => {}) : 'ended';
}

/** Sends stdin; its end is passed on by closing this half of the connection. */
async function pumpInput(socket: Socket, options: StreamOptions): Promise<'ended' | 'detached'> {
  const keys = parseDetachKeys(options.detachKeys ?? DEFAULT_DETACH_KEYS);
  const scan = options.tty ? detachScanner(keys) : undefined;
  for await (const typed of process.stdin as AsyncIterable<Buffer>) {
    const { send, detached } = scan?.(typed) ?? { send: typed, detached: false };
    if (send.length > 0 && !socket.destroyed && !socket.write(send)) await drained(socket);
    if (detached) return 'detached';
    if (socket.destroyed) break;
  }
  socket.end();
  return 'ended';
}
