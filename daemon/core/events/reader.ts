import type { Event, EventRange } from '../contract.ts';
import { millisecondsTo } from '../time.ts';

/** Where readers read: by id, so that no queue grows for one that is slow. */
export interface Source {
  /** The newest event that may be shown. */
  shownId(): number;
  /** Writes and shows what was published. */
  flush(): void;
  /** The id before the oldest event of this time or later. */
  before(timeNs: bigint): number;
  /** Events that follow an id, oldest first; some of them, none only when there are none. */
  page(after: number): readonly Event[];
}

export interface Reader {
  wake(): void;
}

interface Reading {
  readonly signal: AbortSignal;
  readonly range: EventRange;
  readonly enter: (reader: Reader) => void;
  readonly leave: (reader: Reader) => void;
}

/** Not an async generator: one that was never started would not run its `finally`, and the reader stayed for ever. */
export function readEvents(source: Source, reading: Reading): AsyncIterableIterator<Event> {
  const { signal, range } = reading;
  // What happened before this call is past.
  source.flush();
  const cursor = createCursor(source, range);
  let wakeUp: (() => void) | undefined;
  let over: 'no' | 'until' | 'left' = 'no';
  const reader: Reader = { wake: () => wakeUp?.() };
  const leave = (): void => {
    over = 'left';
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
    reading.leave(reader);
    wakeUp?.();
  };
  const atUntil = (): void => {
    source.flush();
    if (over === 'no') over = 'until';
    wakeUp?.();
  };
  reading.enter(reader);
  const timer = range.untilNs === undefined ? undefined : setTimeout(atUntil, millisecondsTo(range.untilNs));
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });

  const next = async (): Promise<IteratorResult<Event>> => {
    for (;;) {
      if (over === 'left') break;
      const event = cursor.next();
      if (event !== undefined && !(range.untilNs !== undefined && event.timeNs > range.untilNs))
        return { done: false, value: event };
      // Caught up, or past the end.
      if (event !== undefined || over === 'until') break;
      await new Promise<void>((resolve) => (wakeUp = resolve));
      wakeUp = undefined;
    }
    leave();
    return { done: true, value: undefined };
  };
  return {
    next,
    return: async () => {
      leave();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Where one reader is. What the journal no longer has is told as an event of its own. */
function createCursor(
  source: Source,
  { sinceNs, untilNs, afterId }: EventRange,
): { next(): Event | undefined } {
  const page: Event[] = [];
  let last = source.shownId();
  if (afterId !== undefined) last = afterId;
  // Docker looks back only when a range is given.
  else if (sinceNs !== undefined || untilNs !== undefined) last = source.before(sinceNs ?? 0n);
  return {
    next: () => {
      const shownId = source.shownId();
      if (last > shownId) {
        // An id that a power cut took back: nobody knows what it was.
        last = shownId;
        return gap({ id: shownId, missed: 'unknown', timeNs: BigInt(Date.now()) * 1_000_000n });
      }
      if (page.length === 0 && last < shownId) page.push(...source.page(last));
      const [event] = page;
      if (event === undefined) return undefined;
      if (event.id > last + 1) {
        const missed = String(event.id - last - 1);
        last = event.id - 1;
        return gap({ id: last, missed, timeNs: event.timeNs });
      }
      page.shift();
      last = event.id;
      return event;
    },
  };
}

const gap = ({ id, missed, timeNs }: { id: number; missed: string; timeNs: bigint }): Event => ({
  ...{ id, timeNs, type: 'daemon', action: 'gap', actorId: '' },
  attributes: { missed },
});
