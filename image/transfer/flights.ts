import { makeCtx, type Ctx } from '../../common/ctx.ts';
import type { Progress } from '../transfers.ts';

type Listener = (message: Progress) => void;

interface Flight<T> {
  readonly result: Promise<T>;
  readonly listeners: Set<Listener>;
  /** The last word on each thing, in the order in which they came up: for who joins later. */
  readonly news: Map<string, Progress>;
  readonly abort: AbortController;
}

interface Boarding<T> {
  /** What is the same for all who may share. */
  readonly key: string;
  readonly progress: Listener;
  readonly run: (ctx: Ctx, progress: Listener) => Promise<T>;
}

/** Operations that many clients share: one of a kind at a time, which stops when the last of them has left. */
export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /**
   * Joins the operation under way or begins it. Throws what it throws, or why ctx ended: whoever leaves last waits until it has
   * stopped.
   */
  async join(ctx: Ctx, boarding: Boarding<T>): Promise<T> {
    const { key, progress } = boarding;
    for (;;) {
      ctx.check();
      const flight = this.#flights.get(key) ?? this.#begin(ctx, boarding);
      if (!flight.abort.signal.aborted) return follow(ctx, flight, progress);
      // Its last client has left; it ends soon.
      await Promise.race([flight.result.catch(() => {}), aborted(ctx.signal).promise]);
    }
  }

  #begin(ctx: Ctx, { key, run }: Boarding<T>): Flight<T> {
    const abort = new AbortController();
    const listeners = new Set<Listener>();
    const news = new Map<string, Progress>();
    const progress = (message: Progress): void => {
      news.set(message.id ?? message.status ?? '', message);
      for (const listener of listeners) listener(message);
    };
    const result = run(makeCtx(ctx.log, abort.signal), progress).finally(() => this.#flights.delete(key));
    result.catch(() => {});
    const flight = { result, listeners, news, abort };
    this.#flights.set(key, flight);
    return flight;
  }
}

async function follow<T>(ctx: Ctx, flight: Flight<T>, progress: Listener): Promise<T> {
  const { listeners, news, abort, result } = flight;
  // Each client has a listener of its own, also when two pass the same function.
  const listener: Listener = (message) => progress(message);
  for (const message of news.values()) listener(message);
  listeners.add(listener);
  const left = aborted(ctx.signal);
  using _waits = ctx.waitsFor(() => {
    const last = [...news.values()].at(-1);
    return last === undefined ? 'the registry' : `the registry (${[last.id, last.status].join(': ')})`;
  });
  try {
    const done = await Promise.race([result, left.promise]);
    if (done !== undefined) return done;
    listeners.delete(listener);
    if (listeners.size > 0) return ctx.check() as never;
    abort.abort(ctx.signal.reason);
    await result.catch(() => {});
    return ctx.check() as never;
  } finally {
    left.forget();
    listeners.delete(listener);
  }
}

function aborted(signal: AbortSignal): { readonly promise: Promise<undefined>; forget(): void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const listener = (): void => resolve(undefined);
  if (signal.aborted) resolve(undefined);
  else signal.addEventListener('abort', listener);
  return { promise, forget: () => signal.removeEventListener('abort', listener) };
}
