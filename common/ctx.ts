import type { Log } from './log.ts';
import { WherryError } from './errors.ts';
import { NO_NOTE, type Notes } from './notes.ts';

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
  /** The same context that another signal ends, too. */
  until(signal: AbortSignal): Ctx;
  /** The same context for an operation whose waits are noted; those made from it note theirs there, too. */
  noting(notes: Notes): Ctx;
  /** The operation that this is done for. */
  readonly operation: string | undefined;
  /** `using _ = ctx.waitsFor(() => 'process 12 to end')`: shown to who asks for the operation's state, until disposed. */
  waitsFor(what: () => string): Disposable;
  /** Throws `canceled` or `deadline-exceeded` when the signal has fired. */
  check(): void;
}

const DETACHED_TIMEOUT_MS = 30_000;

export const makeCtx = (log: Log, signal: AbortSignal = new AbortController().signal): Ctx =>
  ctxOf(log, signal, undefined);

function ctxOf(log: Log, signal: AbortSignal, notes: Notes | undefined): Ctx {
  const also = (other: AbortSignal): Ctx => ctxOf(log, AbortSignal.any([signal, other]), notes);
  return {
    signal,
    log,
    detached: (timeoutMs = DETACHED_TIMEOUT_MS) => ctxOf(log, AbortSignal.timeout(timeoutMs), notes),
    within: (timeoutMs) => also(AbortSignal.timeout(timeoutMs)),
    until: also,
    noting: (own) => ctxOf(log, signal, own),
    operation: notes?.name,
    waitsFor: (what) => notes?.begin(what) ?? NO_NOTE,
    check: () => {
      if (!signal.aborted) return;
      const expired = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
      throw expired
        ? new WherryError('deadline-exceeded', 'The operation took too long', { cause: signal.reason })
        : new WherryError('canceled', 'The operation was cancelled', { cause: signal.reason });
    },
  };
}
