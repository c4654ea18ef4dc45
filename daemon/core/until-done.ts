import { setTimeout as sleep } from 'node:timers/promises';
import type { Core } from './core.ts';

const RETRY_MS = 1_000;

/** Tries each second until it succeeds, and is done then; rejects when the daemon stops. Keeps no process alive. */
export async function untilDone(core: Core, act: () => Promise<void>): Promise<void> {
  for (let isDone = false; !isDone;) {
    await sleep(RETRY_MS, undefined, { ref: false, signal: core.ctx.signal });
    isDone = await act().then(
      () => true,
      () => false,
    );
  }
}
