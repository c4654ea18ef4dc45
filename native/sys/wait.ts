import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

const PR_SET_CHILD_SUBREAPER = 36;
const POLLIN = 1;
const prctl = syscallShape<[number, number, number, number, number]>(
  'int64_t, int64_t, int64_t, int64_t, int64_t',
);
const ppoll = syscallShape<[Buffer, number, Buffer, null, number]>(
  'void *fds, int64_t count, void *timeout, void *mask, int64_t mask_bytes',
);

/** Whether orphans among this process's descendants become its children (man 2 PR_SET_CHILD_SUBREAPER, Linux 3.4). */
export function setSubreaper(on: boolean): void {
  checked('prctl', 'PR_SET_CHILD_SUBREAPER', () =>
    prctl(syscallNumber('prctl'), PR_SET_CHILD_SUBREAPER, on ? 1 : 0, 0, 0, 0),
  );
}

/** Waits until one of the descriptors can be read, its index; undefined after `timeoutMs` (man 2 ppoll). Holds the thread. */
export function pollReadable(fds: readonly number[], timeoutMs: number): number | undefined {
  const entries = Buffer.alloc(8 * fds.length);
  fds.forEach((fd, index) => {
    entries.writeInt32LE(fd, 8 * index);
    entries.writeInt16LE(POLLIN, 8 * index + 4);
  });
  const timeout = Buffer.alloc(16);
  timeout.writeBigInt64LE(BigInt(Math.floor(timeoutMs / 1000)), 0);
  timeout.writeBigInt64LE(BigInt((timeoutMs % 1000) * 1_000_000), 8);
  const ready = checked('ppoll', undefined, () =>
    ppoll(syscallNumber('ppoll'), entries, fds.length, timeout, null, 0),
  );
  return ready === 0 ? undefined : fds.findIndex((_, index) => entries.readInt16LE(8 * index + 6) !== 0);
}

const exitGroup = syscallShape<[number]>('int64_t status');

/** Ends this process without any of Node's own farewells, which take 2 ms (man 2 exit_group). */
export function endProcess(status: number): never {
  exitGroup(syscallNumber('exit_group'), status);
  throw new Error('unreachable');
}
