import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';
import { isErrno } from './files.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

const call = syscallShape<[fd: number, operation: number]>('int64_t fd, int64_t operation');

/**
 * Locks an open file for this process alone, without waiting; false when another holds it (man 2 flock, Linux 2.0). The lock
 * goes with the last copy of the descriptor, so also when the process is killed.
 */
export function tryLock(fd: number): boolean {
  try {
    checked('flock', `descriptor ${fd}`, () => call(syscallNumber('flock'), fd, LOCK_EX | LOCK_NB));
    return true;
  } catch (error) {
    if (isErrno(error, 'EAGAIN', 'EWOULDBLOCK')) return false;
    throw error;
  }
}

/** The same, waiting for another holder to let go. Holds the thread: for commands, not for the daemon. */
export function lock(fd: number): void {
  checked('flock', `descriptor ${fd}`, () => call(syscallNumber('flock'), fd, LOCK_EX));
}
