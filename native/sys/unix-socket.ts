import { bind } from '../ffi/library.ts';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;

const pair = syscallShape<[number, number, number, Buffer]>(
  'int64_t domain, int64_t type, int64_t protocol, void *fds',
);
const fcntl = syscallShape<[number, number, number]>('int64_t fd, int64_t command, int64_t argument');
const send = bind<(socket: number, data: Uint8Array, bytes: number, fd: number) => number>(
  'int64_t wherry_send(int socket, const void *data, int64_t bytes, int fd)',
);

/** Two connected stream sockets, close-on-exec (man 2 socketpair). */
export function socketPair(): readonly [number, number] {
  const fds = Buffer.alloc(8);
  checked('socketpair', undefined, () =>
    pair(syscallNumber('socketpair'), AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
  );
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

/** A second, close-on-exec descriptor of the same open file (man 2 fcntl, F_DUPFD_CLOEXEC). */
export function duplicate(fd: number): number {
  return checked('duplicate', `descriptor ${fd}`, () =>
    fcntl(syscallNumber('fcntl'), fd, F_DUPFD_CLOEXEC, 3),
  );
}

/**
 * Sends all of `data`, and `fd` beside it (-1: none), without ever waiting (man 2 sendmsg). Throws SyscallError, EAGAIN when
 * the peer's buffer is full.
 */
export function sendWithFd(socket: number, data: Uint8Array, fd = -1): void {
  for (let at = 0; at < data.byteLength;) {
    const rest = data.subarray(at);
    at += checked('send to', 'shim', () => send(socket, rest, rest.byteLength, at === 0 ? fd : -1));
  }
}
