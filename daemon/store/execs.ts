import type { DatabaseSync } from 'node:sqlite';
import { transaction, writing } from '../../common/sqlite.ts';

/**
 * Rows of execs, from their creation until nobody asks for their exit code any more. Synchronous; read once, at open. `R` is the
 * engine's affair.
 */
export interface ExecStore<R> {
  /** Those that have ended come in the order in which they ended. */
  all(): ExecRow<R>[];
  insert(row: Omit<ExecRow<R>, 'end'>): void;
  setEnd(id: string, end: ExecEnd): void;
  /** All of them or none. */
  remove(ids: readonly string[]): void;
}

export interface ExecRow<R> {
  readonly id: string;
  readonly containerId: string;
  readonly request: R;
  /** Undefined: it may have a shim. */
  readonly end: ExecEnd | undefined;
}

export interface ExecEnd {
  readonly exitCode: number;
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS execs (
    id TEXT PRIMARY KEY, container_id TEXT NOT NULL, request TEXT NOT NULL,
    exit_code INTEGER, pid INTEGER, ended_at INTEGER
  ) STRICT;
`;

/** Tables of earlier versions lack what tells of the end. */
function addEnd(db: DatabaseSync): void {
  const columns = db.prepare('PRAGMA table_info(execs)').all();
  if (columns.some(({ name }) => name === 'ended_at')) return;
  for (const name of ['exit_code', 'pid', 'ended_at'])
    db.exec(`ALTER TABLE execs ADD COLUMN ${name} INTEGER`);
}

export function openExecStore<R>(db: DatabaseSync): ExecStore<R> {
  db.exec(SCHEMA);
  addEnd(db);
  const insert = db.prepare('INSERT INTO execs (id, container_id, request) VALUES (?, ?, ?)');
  const setEnd = db.prepare('UPDATE execs SET exit_code = ?, pid = ?, ended_at = ? WHERE id = ?');
  const remove = db.prepare('DELETE FROM execs WHERE id = ?');
  return {
    all: () =>
      db
        .prepare('SELECT * FROM execs ORDER BY ended_at')
        .all()
        .map((row) => ({
          id: String(row['id']),
          containerId: String(row['container_id']),
          request: JSON.parse(String(row['request'])) as R,
          end: endOf(row),
        })),
    insert: ({ id, containerId, request }) =>
      void writing(db, () => insert.run(id, containerId, JSON.stringify(request))),
    setEnd: (id, { exitCode, pid, atMs }) => void writing(db, () => setEnd.run(exitCode, pid, atMs, id)),
    remove: (ids) => {
      if (ids.length === 0) return;
      transaction(db, () => {
        for (const id of ids) remove.run(id);
      });
    },
  };
}

const endOf = (row: Readonly<Record<string, unknown>>): ExecEnd | undefined =>
  row['ended_at'] === null
    ? undefined
    : { exitCode: Number(row['exit_code']), pid: Number(row['pid']), atMs: Number(row['ended_at']) };
