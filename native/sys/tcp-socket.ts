import { closeSync, openSync } from 'node:fs';
import { abort } from 'node:process';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

const CLONE_NEWNET = 0x4000_0000;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

const callSetns = syscallShape<[number, number]>('int64_t fd, int64_t type');
const callSocket = syscallShape<[number, number, number]>('int64_t family, int64_t type, int64_t protocol');

/** man 2 setns; a pidfd since Linux 5.8. Of the calling thread alone. */
const enter = (fd: number): void =>
  void checked('join the network namespace', `descriptor ${fd}`, () =>
    callSetns(syscallNumber('setns'), fd, CLONE_NEWNET),
  );

/**
 * A TCP socket, close-on-exec, of the network namespace that the process of `pidfd` is in: it stays there whoever uses it. This
 * thread is there only meanwhile, and no other thread ever is; nothing waits. Throws SyscallError, ESRCH when the process has ended.
 */
export function tcpSocketIn(pidfd: number, family: 4 | 6): number {
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    enter(pidfd);
    try {
      return checked('socket', `tcp${family}`, () =>
        callSocket(syscallNumber('socket'), family === 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0),
      );
    } finally {
      goBack(own);
    }
  } finally {
    closeSync(own);
  }
}

/** A daemon that can't come back would serve its clients, and open networks, in a stranger's namespace: it must not go on. */
function goBack(own: number): void {
  try {
    enter(own);
  } catch {
    abort();
  }
}
