import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

const two = syscallShape<[number, number]>('int64_t a, int64_t b');
const three = syscallShape<[number, number, number]>('int64_t a, int64_t b, int64_t c');
const four = syscallShape<[number, number, null, number]>('int64_t a, int64_t b, void *c, int64_t d');

/** A descriptor of a process, close-on-exec; it never means another one (man 2 pidfd_open, Linux 5.3). Throws ESRCH. */
export const pidfdOpen = (pid: number): number =>
  checked('pidfd_open', String(pid), () => two(syscallNumber('pidfd_open'), pid, 0));

/** Sends a signal to the process that the descriptor means (man 2 pidfd_send_signal, Linux 5.1). Throws ESRCH when it has ended. */
export function pidfdSendSignal(pidfd: number, signal: number): void {
  checked('send signal', String(signal), () =>
    four(syscallNumber('pidfd_send_signal'), pidfd, signal, null, 0),
  );
}

/** A copy, close-on-exec, of another process's descriptor (man 2 pidfd_getfd, Linux 5.6; takes the right to ptrace it). */
export const pidfdGetFd = (pidfd: number, fd: number): number =>
  checked('pidfd_getfd', String(fd), () => three(syscallNumber('pidfd_getfd'), pidfd, fd, 0));
