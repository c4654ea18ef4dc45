import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../common/errors.ts';

export interface Attempt {
  readonly ms: number;
  /** It had not ended by then. */
  readonly gaveUp: boolean;
  /** Why it failed. */
  readonly error: string | undefined;
}

/** Times what may fail or take for ever; it is left alone after `limitMs`, and its end then is nobody's concern. */
export async function attempt(act: () => Promise<unknown>, limitMs: number): Promise<Attempt> {
  const waiting = new AbortController();
  const startedAt = performance.now();
  const acting = act().then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
  const late = sleep(limitMs, 'late' as const, { signal: waiting.signal }).catch(() => 'late' as const);
  const how = await Promise.race([acting.then((error) => ({ error })), late]);
  waiting.abort();
  const ms = performance.now() - startedAt;
  return how === 'late' ? { ms, gaveUp: true, error: undefined } : { ms, gaveUp: false, ...how };
}
