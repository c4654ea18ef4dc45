import { closeSync } from 'node:fs';
import { invalidArgument } from '../../common/errors.ts';
import { bind } from '../ffi/library.ts';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;

const pair = syscallShape<[number, number, number, Buffer]>(
  'int64_t domain, int64_t type, int64_t protocol, void *fds',
);
const socket = syscallShape<[number, number, number]>('int64_t, int64_t, int64_t');
const connect = syscallShape<[number, Buffer, number]>('int64_t fd, void *address, int64_t bytes');
const recvfrom = syscallShape<[number, Buffer, number, number, null, null]>(
  'int64_t fd, void *data, int64_t bytes, int64_t flags, void *address, void *address_bytes',
);
const fcntl = syscallShape<[number, number, number]>('int64_t fd, int64_t command, int64_t argument');
const send = bind<(socket: number, data: Uint8Array, bytes: number, fd: number) => number>(
  'int64_t wherry_send(int socket, const void *data, int64_t bytes, int fd)',
);

const receiveNow = bind<(socket: number, into: Buffer, bytes: number, fd: Buffer) => number>(
  'int64_t wherry_receive(int socket, void *data, int64_t bytes, void *fd)',
);

/** Two connected sockets, close-on-exec (man 2 socketpair). `seqpacket` keeps the bounds of what is sent. */
export function socketPair(type: 'stream' | 'seqpacket' = 'stream'): readonly [number, number] {
  const fds = Buffer.alloc(8);
  const number = type === 'stream' ? SOCK_STREAM : SOCK_SEQPACKET;
  checked('socketpair', undefined, () =>
    pair(syscallNumber('socketpair'), AF_UNIX, number | SOCK_CLOEXEC, 0, fds),
  );
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

/** The longest path that fits into struct sockaddr_un, its NUL apart (man 7 unix). */
const MAX_PATH_BYTES = 107;

/** A connected stream socket, close-on-exec (man 2 connect). Throws `invalid-argument` for a path that is too long, SyscallError. */
export function connectUnix(path: string): number {
  const bytes = Buffer.from(path);
  if (bytes.byteLength > MAX_PATH_BYTES) {
    throw invalidArgument(`The socket's path has more than ${MAX_PATH_BYTES} bytes: ${path}`);
  }
  const address = Buffer.alloc(2 + MAX_PATH_BYTES + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  bytes.copy(address, 2);
  const fd = checked('socket', path, () =>
    socket(syscallNumber('socket'), AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
  );
  try {
    checked('connect to', path, () => connect(syscallNumber('connect'), fd, address, address.byteLength));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Waits for a packet and reads it; its bytes, 0 at the end (man 2 recvfrom). Holds the thread: for commands, not for the daemon. */
export const receive = (fd: number, into: Buffer): number =>
  checked('receive from', `socket ${fd}`, () =>
    recvfrom(syscallNumber('recvfrom'), fd, into, into.byteLength, 0, null, null),
  );

/**
 * Waits for a packet and reads it, with the descriptor that came beside it; it belongs to the caller (man 2 recvmsg). Holds the
 * thread: for commands, not for the daemon. Throws SyscallError, EMSGSIZE for a packet that is longer than `into`.
 */
export function receiveWithFd(
  from: number,
  into: Buffer,
): { readonly bytes: number; readonly fd: number | undefined } {
  const place = Buffer.alloc(4);
  const bytes = checked('receive from', `socket ${from}`, () =>
    receiveNow(from, into, into.byteLength, place),
  );
  const fd = place.readInt32LE();
  return { bytes, fd: fd < 0 ? undefined : fd };
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
export function sendWithFd(to: number, data: Uint8Array, fd = -1): void {
  for (let at = 0; at < data.byteLength;) {
    const rest = data.subarray(at);
    at += checked('send to', `socket ${to}`, () => send(to, rest, rest.byteLength, at === 0 ? fd : -1));
  }
}
