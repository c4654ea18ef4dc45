import type { Log } from '../../../common/log.ts';
import type { EventStore } from '../../store/events.ts';
import type { Event } from '../contract.ts';
import { realTimeNs } from '../time.ts';

export type StoredEvent = Omit<Event, 'id' | 'timeNs'>;

/** What of the past is kept. */
export interface Limits {
  readonly rows: number;
  readonly ageNs: bigint;
}

/** Writes events to their journal, and keeps it in its limits. */
export interface Writer {
  add(event: Event): void;
  /** Writes what was added. Never throws: what can't be written is tried again with the next ones. */
  write(): void;
}

/** What waits while the journal can't be written; older ones become a gap in it. */
const UNWRITTEN = 8192;
const TRIM_EVERY = 1000;

export function createWriter({
  store,
  log,
  limits,
}: {
  readonly store: EventStore<StoredEvent>;
  readonly log: Log;
  readonly limits: Limits;
}): Writer {
  let unwritten: Event[] = [];
  let untrimmed = TRIM_EVERY;
  let failed = false;

  const trim = (count: number): void => {
    untrimmed += count;
    if (untrimmed < TRIM_EVERY) return;
    untrimmed = 0;
    store.trim({ rows: limits.rows, beforeNs: realTimeNs() - limits.ageNs });
  };
  return {
    add: (event) => void unwritten.push(event),
    write: () => {
      try {
        store.append(unwritten.map(({ id, timeNs, ...event }) => ({ id, timeNs, event })));
        const { length } = unwritten;
        unwritten = [];
        failed = false;
        trim(length);
      } catch (error) {
        if (!failed) log.error('Cannot write events to their journal', { error });
        failed = true;
        if (unwritten.length > UNWRITTEN) unwritten.splice(0, unwritten.length - UNWRITTEN);
      }
    },
  };
}
