import type { DatabaseSync } from 'node:sqlite';
import { transaction, writing } from '../../common/sqlite.ts';

/** Rows of what is known of containers' health. Synchronous; read once, at open. `H` is the engine's affair. */
export interface HealthStore<H> {
  all(): { readonly id: string; readonly health: H }[];
  /** All of them or none. */
  put(rows: readonly { readonly id: string; readonly health: H }[]): void;
  remove(id: string): void;
}

const SCHEMA = 'CREATE TABLE IF NOT EXISTS health (id TEXT PRIMARY KEY, health TEXT NOT NULL) STRICT;';

export function openHealthStore<H>(db: DatabaseSync): HealthStore<H> {
  db.exec(SCHEMA);
  const put = db.prepare('INSERT OR REPLACE INTO health VALUES (?, ?)');
  const remove = db.prepare('DELETE FROM health WHERE id = ?');
  return {
    all: () =>
      db
        .prepare('SELECT * FROM health')
        .all()
        .map((row) => ({ id: String(row['id']), health: JSON.parse(String(row['health'])) as H })),
    put: (rows) =>
      transaction(db, () => {
        for (const { id, health } of rows) put.run(id, JSON.stringify(health));
      }),
    remove: (id) => void writing(db, () => remove.run(id)),
  };
}
