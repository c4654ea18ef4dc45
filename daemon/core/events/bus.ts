import { DatabaseSync } from 'node:sqlite';
import { silentLog, type Log } from '../../../common/log.ts';
import { openEventStore, type EventStore } from '../../store/events.ts';
import type { Event, Events } from '../contract.ts';
import { realTimeNs } from '../time.ts';
import { createWriter, type Limits, type StoredEvent } from './writer.ts';
import { readEvents, type Reader, type Source } from './reader.ts';

/**
 * The daemon's events, from a journal. What is published is written in batches, a few milliseconds later, so that no start waits for
 * it; and shown when it is written. A request that changes something is answered, and a container's end is over, when its events are
 * written: a daemon that is killed loses the events of its last few milliseconds, of which nobody has heard, and an id that a client
 * knows stays the name of that event. (A power cut may take what SQLite had not synced; who knows an id from after that is told of a
 * gap.)
 */
export interface EventBus extends Events {
  listeners(): number;
  /** Writes what is not yet written; nothing may be published any more. */
  close(): void;
}

export interface EventBusOptions {
  /** In memory unless given. */
  readonly store?: EventStore<StoredEvent>;
  readonly log?: Log;
  /** How long an event waits for others to be written with; 0 writes each at once. */
  readonly batchMs?: number;
  readonly limits?: Limits;
}

const DAY_NS = 86_400_000_000_000n;
const LIMITS: Limits = { rows: 100_000, ageNs: 30n * DAY_NS };
export const EVENT_BATCH_MS = 5;
/** The newest events, for readers that keep up: they cost no query. */
const RECENT = 1024;
export function createEventBus(options: EventBusOptions = {}): EventBus {
  const store = options.store ?? openEventStore<StoredEvent>(new DatabaseSync(':memory:'));
  const { log = silentLog, batchMs = 0, limits = LIMITS } = options;
  const writer = createWriter({ store, log, limits });
  const readers = new Set<Reader>();
  const recent: Event[] = [];
  let [lastId, lastNs] = [store.lastId(), store.lastTimeNs()];
  let shownId = lastId;
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (shownId === lastId) return;
    writer.write();
    shownId = lastId;
    for (const reader of readers) reader.wake();
  };

  const source: Source = {
    shownId: () => shownId,
    flush,
    before: (timeNs) => store.before(timeNs),
    page: (after) => {
      const first = recent[0]?.id ?? shownId + 1;
      if (after + 1 >= first) return recent.slice(after + 1 - first, shownId + 1 - first);
      const rows = store.after(after, RECENT / 4);
      return rows.length > 0 ? rows.map(({ id, timeNs, event }) => ({ id, timeNs, ...event })) : [...recent];
    },
  };
  return {
    publish: (event) => {
      const now = realTimeNs();
      lastNs = now > lastNs ? now : lastNs + 1n;
      lastId += 1;
      const stamped: Event = { ...event, id: lastId, timeNs: lastNs };
      recent.push(stamped);
      if (recent.length > RECENT * 2) recent.splice(0, RECENT);
      writer.add(stamped);
      if (batchMs === 0) flush();
      else timer ??= setTimeout(flush, batchMs);
    },
    settle: flush,
    subscribe: (ctx, range) =>
      readEvents(source, {
        signal: ctx.signal,
        range,
        enter: (reader) => void readers.add(reader),
        leave: (reader) => void readers.delete(reader),
      }),
    listeners: () => readers.size,
    close: flush,
  };
}
