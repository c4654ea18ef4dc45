import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { syscallNumber } from '../ffi/numbers.ts';
import { syscallShape } from '../ffi/syscall.ts';

const WNOHANG = 1;
const wait4 = syscallShape<[number, null, number, null]>(
  'int64_t pid, void *status, int64_t options, void *usage',
);

const FIRST_DELAY_MS = 1;
const LAST_DELAY_MS = 10_000;

/**
 * Takes the exit status of one child that is about to end, so that no zombie stays (man 2 wait4). By pid only: libuv and we
 * must not take each other's children. Gives up when it is no child (any more), or after about 20 s.
 */
export async function reapChild(pid: number): Promise<void> {
  for (let delayMs = FIRST_DELAY_MS; delayMs <= LAST_DELAY_MS; delayMs *= 2) {
    const result = wait4(syscallNumber('wait4'), pid, null, WNOHANG, null);
    if (result === pid || result === -constants.errno.ECHILD) return;
    await sleep(delayMs, undefined, { ref: false });
  }
}
