import { performance } from 'node:perf_hooks';
import { trimMalloc } from '../native/sys/malloc.ts';

const PERIOD_MS = 2_000;
/** Longer than an idle thread of the image store stays. */
const IDLE_PERIODS = 2;
const IDLE_UTILIZATION = 0.01;
/** Work that is worth a collection: of a period's time. */
const BUSY_UTILIZATION = 0.03;

/**
 * Gives memory back when a busy time is over: V8 keeps what a burst of requests or an image left behind until the next burst, since
 * an idle process allocates nothing that would make it collect. One collection of about 20 ms, when nobody waits; none while
 * nothing happens. Does nothing unless Node runs with --expose-gc.
 */
export function trimWhenIdle(): Disposable {
  let before = performance.eventLoopUtilization();
  let due = IDLE_PERIODS; // starting was work; 0: nothing to give back
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    if (utilization > BUSY_UTILIZATION) due = IDLE_PERIODS;
    if (due === 0 || utilization > IDLE_UTILIZATION) return;
    due -= 1;
    if (due > 0) return;
    globalThis.gc?.();
    trimMalloc();
    before = performance.eventLoopUtilization();
  }, PERIOD_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
