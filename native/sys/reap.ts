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

const wait4Status = syscallShape<[number, Buffer, number, null]>(
  'int64_t pid, void *status, int64_t options, void *usage',
);

/** How a child ended, as a shell counts: the exit code, or 128 + signal. */
export const exitCodeOf = (status: number): number =>
  (status & 0x7f) === 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f);

/**
 * Waits for one child (man 2 wait4) and returns its wait status; undefined when it still runs and `block` is false, or when it is
 * no child of ours.
 */
export function waitChild(pid: number, { block }: { readonly block: boolean }): number | undefined {
  const status = Buffer.alloc(4);
  for (;;) {
    const result = wait4Status(syscallNumber('wait4'), pid, status, block ? 0 : WNOHANG, null);
    if (result === pid) return status.readInt32LE(0);
    if (result !== -constants.errno.EINTR) return undefined;
  }
}
