import type { DatabaseSync } from 'node:sqlite';
import { writing } from '../../common/sqlite.ts';

/** Rows of execs that may have a shim, from before its start until its exit is dealt with. Synchronous; read once, at open. */
export interface ExecStore<R> {
  all(): { readonly id: string; readonly containerId: string; readonly request: R }[];
  insert(row: { readonly id: string; readonly containerId: string; readonly request: R }): void;
  remove(id: string): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS execs (id TEXT PRIMARY KEY, container_id TEXT NOT NULL, request TEXT NOT NULL) STRICT;
`;

export function openExecStore<R>(db: DatabaseSync): ExecStore<R> {
  db.exec(SCHEMA);
  const insert = db.prepare('INSERT INTO execs VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM execs WHERE id = ?');
  return {
    all: () =>
      db
        .prepare('SELECT * FROM execs')
        .all()
        .map((row) => ({
          id: String(row['id']),
          containerId: String(row['container_id']),
          request: JSON.parse(String(row['request'])) as R,
        })),
    insert: ({ id, containerId, request }) =>
      void writing(db, () => insert.run(id, containerId, JSON.stringify(request))),
    remove: (id) => void writing(db, () => remove.run(id)),
  };
}
