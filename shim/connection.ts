import { connect, type Socket } from 'node:net';
import { notFound } from '../common/errors.ts';
import { SyscallError } from '../native/ffi/syscall.ts';
import { sendWithFd } from '../native/sys/unix-socket.ts';
import { frameReader, type ShimEvent } from './frames.ts';

/**
 * One conversation with a shim. Events come through the event loop; what we say goes out by one non-blocking call a frame,
 * because descriptors can travel beside it, and because a shim that does not listen must not hold up anybody.
 */
export interface Connection {
  /** Throws `SyscallError` (EAGAIN, EPIPE) when the shim does not take it, `not-found` when the connection is gone. */
  send(frame: Uint8Array, fd?: number): void;
  /** Replaces the listener. While there is none (undefined), events are kept, and delivered to the next at once. */
  listen(listener: ConnectionListener | undefined): void;
  /** Resolves when the other side is gone or `close` was called. */
  readonly closed: Promise<void>;
  close(): void;
}

export interface ConnectionListener {
  onEvent(event: ShimEvent): void;
  /** Once, when the other side is gone or `close` was called. */
  onClose(): void;
}

export function openConnection(socket: Socket, fd: number): Connection {
  const early: ShimEvent[] = [];
  let listener: ConnectionListener | undefined;
  let open = true;
  const closed = Promise.withResolvers<void>();
  socket.on(
    'data',
    frameReader((event) => {
      if (listener === undefined) early.push(event);
      else listener.onEvent(event);
    }),
  );
  socket.on('error', () => {});
  socket.on('close', () => {
    open = false;
    closed.resolve();
    listener?.onClose();
  });
  // One at a time: an event may be the listener's last, and those behind it are the next one's.
  const deliver = (): void => {
    const event = listener === undefined ? undefined : early.shift();
    if (event === undefined) return;
    listener?.onEvent(event);
    deliver();
  };
  return {
    send: (frame, passedFd) => {
      if (!open || socket.destroyed) throw notFound('The shim is gone');
      try {
        sendWithFd(fd, frame, passedFd);
      } catch (error) {
        // The shim has ended, and its process before it; what it said of that is still to be read.
        const isGone = error instanceof SyscallError && GONE.has(error.errnoName);
        throw isGone ? notFound('The connection is closed', { cause: error }) : error;
      }
    },
    listen: (next) => {
      listener = next;
      deliver();
      if (next !== undefined && listener === next && !open) next.onClose();
    },
    closed: closed.promise,
    close: () => socket.destroy(),
  };
}

const GONE = new Set(['EPIPE', 'ECONNRESET']);

/** The descriptor under a socket of the event loop (libuv's handle; not in Node's types). */
export function descriptorOf(socket: Socket): number {
  const fd = (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) throw notFound('The connection is closed');
  return fd;
}

/** Connects to a shim that runs already; undefined when nobody listens at `path`. */
export async function connectShim(path: string, signal: AbortSignal): Promise<Connection | undefined> {
  const socket = connect({ path });
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  try {
    if (!(await promise)) return undefined;
    return openConnection(socket, descriptorOf(socket));
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
