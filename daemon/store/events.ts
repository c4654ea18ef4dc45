import type { DatabaseSync } from 'node:sqlite';
import { transaction, writing } from '../../common/sqlite.ts';

/**
 * Rows of events in a database of their own, so that neither growth nor a full disk reaches what containers need. Ids count up by
 * one and are never used twice, not even when every row has gone. Synchronous. `E` is what an event is besides id and time.
 */
export interface EventStore<E> {
  /** The id of the newest event that ever was; 0 before any. */
  lastId(): number;
  /** The time of the newest row; 0 without one. */
  lastTimeNs(): bigint;
  /** All of them or none. Ids and times only grow. */
  append(rows: readonly EventRow<E>[]): void;
  /** The oldest `limit` rows with a greater id. */
  after(id: number, limit: number): EventRow<E>[];
  /** The id before the oldest row of this time or later; that of the newest row when all are older. */
  before(timeNs: bigint): number;
  /** Deletes what is older than this time, and all but the newest `rows`. */
  trim(limit: { readonly rows: number; readonly beforeNs: bigint }): void;
}

export interface EventRow<E> {
  readonly id: number;
  readonly timeNs: bigint;
  readonly event: E;
}

/** AUTOINCREMENT keeps the greatest id that ever was: https://www.sqlite.org/autoinc.html */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time_ns INTEGER NOT NULL, event TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS events_by_time ON events (time_ns);
`;

export function openEventStore<E>(db: DatabaseSync): EventStore<E> {
  db.exec(SCHEMA);
  const prepare = (sql: string) => {
    const statement = db.prepare(sql);
    // Nanoseconds since the epoch are no JavaScript number.
    statement.setReadBigInts(true);
    return statement;
  };
  const insert = prepare('INSERT INTO events VALUES (?, ?, ?)');
  const after = prepare('SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?');
  const firstSince = prepare('SELECT min(id) AS value FROM events WHERE time_ns >= ?');
  const lastEver = prepare("SELECT seq AS value FROM sqlite_sequence WHERE name = 'events'");
  const newest = prepare('SELECT max(time_ns) AS value FROM events');
  const trim = prepare('DELETE FROM events WHERE id <= ? OR time_ns < ?');
  const lastId = (): number => Number(lastEver.get()?.['value'] ?? 0);
  return {
    lastId,
    lastTimeNs: () => (newest.get()?.['value'] ?? 0n) as bigint,
    append: (rows) =>
      writing(db, () =>
        transaction(db, () => {
          for (const { id, timeNs, event } of rows) insert.run(id, timeNs, JSON.stringify(event));
        }),
      ),
    after: (id, limit) =>
      after.all(id, limit).map((row) => ({
        id: Number(row['id']),
        timeNs: row['time_ns'] as bigint,
        event: JSON.parse(String(row['event'])) as E,
      })),
    before: (timeNs) => {
      const first = firstSince.get(timeNs)?.['value'];
      return typeof first === 'bigint' ? Number(first) - 1 : lastId();
    },
    trim: ({ rows, beforeNs }) => void writing(db, () => trim.run(lastId() - rows, beforeNs)),
  };
}
