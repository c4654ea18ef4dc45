import { setImmediate } from 'node:timers/promises';

/** Two of them, and a request that comes in between, are done within 20 ms on a slow machine. */
const TURN_MS = 5;

/** For long loops on the event loop: awaited once a round, it lets others go on whenever it has been held for some milliseconds. */
export function pace(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < TURN_MS) return;
    await setImmediate();
    since = performance.now();
  };
}
