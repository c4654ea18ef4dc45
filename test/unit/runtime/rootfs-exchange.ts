import { workerData } from 'node:worker_threads';
import { syscallNumber } from '../../../native/ffi/numbers.ts';
import { checked, syscallShape } from '../../../native/ffi/syscall.ts';

/** The thread of rootfs-bench.ts, `exchange`. */
const { one, other, shared } = workerData as { one: string; other: string; shared: SharedArrayBuffer };
const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;
const renameat2 = syscallShape<[number, string, number, string, number]>(
  'int64_t from, const char *old, int64_t to, const char *new, int64_t flags',
);
const state = new Int32Array(shared);
while (Atomics.load(state, 0) === 0) {
  checked('renameat2', one, () =>
    renameat2(syscallNumber('renameat2'), AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE),
  );
  Atomics.add(state, 1, 1);
}
