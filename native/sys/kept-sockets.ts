import { bind } from '../ffi/library.ts';
import { checked } from '../ffi/syscall.ts';
import { isErrno } from './files.ts';

/**
 * A pair of descriptors in the queue of a unix socket (man 7 unix, SCM_RIGHTS): they stay open for as long as the socket does, in
 * whatever process, and anybody who has its other end takes copies.
 */
export type Kept = readonly [first: number, second: number];

const keep = bind<(socket: number, fds: Buffer) => number>(
  'int64_t wherry_keep(int socket, const void *fds)',
);
const kept = bind<(socket: number, fds: Buffer) => number>('int64_t wherry_kept(int socket, void *fds)');

/** Puts copies of both into the queue of the socket's other end. Never waits. Throws SyscallError. */
export function keepPair(socket: number, [first, second]: Kept): void {
  const fds = Buffer.alloc(8);
  fds.writeInt32LE(first, 0);
  fds.writeInt32LE(second, 4);
  checked('keep descriptors in', `socket ${socket}`, () => keep(socket, fds));
}

/** Copies of what is kept, close-on-exec; undefined when nothing is. Never waits. Throws SyscallError. */
export function keptPair(socket: number): Kept | undefined {
  const fds = Buffer.alloc(8);
  try {
    checked('take descriptors from', `socket ${socket}`, () => kept(socket, fds));
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return undefined;
    throw error;
  }
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}
