import { conflict } from '../../../common/errors.ts';
import type { Event, Events } from '../contract.ts';
import { millisecondsTo, realTimeNs } from '../time.ts';

/** What docker remembers for `since`. */
const REMEMBERED = 256;
/** A subscriber that is so far behind has gone away or never will catch up. */
const QUEUE_MAX = 4096;

/** The daemon's events. Publishing never waits: it reaches into every subscriber's bounded queue. */
export interface EventBus extends Events {
  listeners(): number;
}

interface Subscriber {
  readonly queue: Event[];
  /** Resolves a waiting reader. */
  wake: (() => void) | undefined;
  overrun: boolean;
}

export function createEventBus(): EventBus {
  const remembered: Event[] = [];
  const subscribers = new Set<Subscriber>();
  let lastNs = 0n;

  return {
    publish: (event) => {
      const now = realTimeNs();
      lastNs = now > lastNs ? now : lastNs + 1n;
      const stamped: Event = { ...event, timeNs: lastNs };
      remembered.push(stamped);
      if (remembered.length > REMEMBERED) remembered.shift();
      for (const subscriber of subscribers) deliver(subscriber, stamped);
    },
    subscribe: (ctx, range) => {
      const subscriber: Subscriber = { queue: past(remembered, range), wake: undefined, overrun: false };
      subscribers.add(subscriber);
      return read(subscriber, {
        signal: ctx.signal,
        untilNs: range.untilNs,
        leave: () => subscribers.delete(subscriber),
      });
    },
    listeners: () => subscribers.size,
  };
}

function deliver(subscriber: Subscriber, event: Event): void {
  if (subscriber.queue.length >= QUEUE_MAX) subscriber.overrun = true;
  else subscriber.queue.push(event);
  subscriber.wake?.();
}

/** Docker looks back only when a range is given. */
function past(
  remembered: readonly Event[],
  { sinceNs, untilNs }: { sinceNs: bigint | undefined; untilNs: bigint | undefined },
): Event[] {
  if (sinceNs === undefined && untilNs === undefined) return [];
  return remembered.filter(
    ({ timeNs }) =>
      (sinceNs === undefined || timeNs >= sinceNs) && (untilNs === undefined || timeNs <= untilNs),
  );
}

interface Reading {
  readonly signal: AbortSignal;
  readonly untilNs: bigint | undefined;
  readonly leave: () => void;
}

/** Not an async generator: one that was never started would not run its `finally`, and the subscriber stayed for ever. */
function read(subscriber: Subscriber, { signal, untilNs, leave }: Reading): AsyncIterableIterator<Event> {
  let ended = false;
  const end = (): void => {
    ended = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    leave();
    subscriber.wake?.();
  };
  const timer = untilNs === undefined ? undefined : setTimeout(end, millisecondsTo(untilNs));
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });

  const next = async (): Promise<IteratorResult<Event>> => {
    for (;;) {
      const event = subscriber.queue.shift();
      if (event !== undefined) return { done: false, value: event };
      if (subscriber.overrun) {
        end();
        throw conflict(`The reader of events is more than ${QUEUE_MAX} events behind`);
      }
      if (ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => (subscriber.wake = resolve));
      subscriber.wake = undefined;
    }
  };
  return {
    next,
    return: async () => {
      end();
      subscriber.queue.length = 0;
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
