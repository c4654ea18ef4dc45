import { closeSync, openSync } from 'node:fs';
import { abort } from 'node:process';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

const CLONE_NEWNET = 0x4000_0000;
const AF_INET = 2;
const AF_INET6 = 10;
const TYPES = { tcp: 1, udp: 2 } as const;
const SOCK_CLOEXEC = 0o2000000;

const callSetns = syscallShape<[number, number]>('int64_t fd, int64_t type');
const callSocket = syscallShape<[number, number, number]>('int64_t family, int64_t type, int64_t protocol');

/** man 2 setns; a pidfd since Linux 5.8. Of the calling thread alone. */
const enter = (fd: number): void =>
  void checked('join the network namespace', `descriptor ${fd}`, () =>
    callSetns(syscallNumber('setns'), fd, CLONE_NEWNET),
  );

/**
 * Calls `act` in the network namespace that the process of `pidfd` is in: sockets that it makes stay there whoever uses them. This
 * thread is there only meanwhile, and no other thread ever is; `act` must not wait. Throws SyscallError, ESRCH when the process has
 * ended.
 */
export function inNetworkOf<T>(pidfd: number, act: () => T): T {
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    enter(pidfd);
    try {
      return act();
    } finally {
      goBack(own);
    }
  } finally {
    closeSync(own);
  }
}

/** A socket, close-on-exec, of this network namespace (man 2 socket). */
export const openSocket = (kind: keyof typeof TYPES, family: 4 | 6): number =>
  checked('socket', `${kind}${family}`, () =>
    callSocket(syscallNumber('socket'), family === 4 ? AF_INET : AF_INET6, TYPES[kind] | SOCK_CLOEXEC, 0),
  );

/** A TCP socket of the network namespace of another process (inNetworkOf). */
export const tcpSocketIn = (pidfd: number, family: 4 | 6): number =>
  inNetworkOf(pidfd, () => openSocket('tcp', family));

/** A daemon that can't come back would serve its clients, and open networks, in a stranger's namespace: it must not go on. */
function goBack(own: number): void {
  try {
    enter(own);
  } catch {
    abort();
  }
}
