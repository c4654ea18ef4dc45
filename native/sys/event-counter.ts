import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

const EFD_CLOEXEC = 0o2000000;
const create = syscallShape<[number, number]>('int64_t initial, int64_t flags');

/** A counter that others add to, as a descriptor: a read of 8 bytes waits until it is not 0 (man 2 eventfd, Linux 2.6.27). */
export const eventCounter = (): number =>
  checked('eventfd2', undefined, () => create(syscallNumber('eventfd2'), 0, EFD_CLOEXEC));
