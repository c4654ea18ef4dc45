import type { Log } from './log.ts';
import { WherryError } from './errors.ts';

/**
 * What travels with an operation: its cancellation and its log. First parameter of everything that waits.
 * `signal` aborts when the client goes away or a deadline passes.
 */
export interface Ctx {
  readonly signal: AbortSignal;
  readonly log: Log;
  /** A context that the caller's abort does not reach, with a deadline of its own (default 30 s): for undo steps. */
  detached(timeoutMs?: number): Ctx;
  /** The same context with a further deadline. */
  within(timeoutMs: number): Ctx;
  /** Throws `canceled` or `deadline-exceeded` when the signal has fired. */
  check(): void;
}

const DETACHED_TIMEOUT_MS = 30_000;

export function makeCtx(log: Log, signal: AbortSignal = new AbortController().signal): Ctx {
  return {
    signal,
    log,
    detached: (timeoutMs = DETACHED_TIMEOUT_MS) => makeCtx(log, AbortSignal.timeout(timeoutMs)),
    within: (timeoutMs) => makeCtx(log, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])),
    check: () => {
      if (!signal.aborted) return;
      const expired = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
      throw expired
        ? new WherryError('deadline-exceeded', 'The operation took too long', { cause: signal.reason })
        : new WherryError('canceled', 'The operation was cancelled', { cause: signal.reason });
    },
  };
}
