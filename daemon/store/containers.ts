import type { DatabaseSync } from 'node:sqlite';
import { writing } from '../../common/sqlite.ts';

/**
 * Rows of containers, in the daemon's own database. Synchronous; read once, at open. What `C` (everything that does not change
 * but by rename) and `S` (the state) look like is the engine's affair.
 */
export interface ContainerStore<C, S> {
  all(): { readonly id: string; readonly name: string; readonly container: C; readonly state: S }[];
  /** Throws for a name or id that is taken. */
  insert(row: { readonly id: string; readonly name: string; readonly container: C; readonly state: S }): void;
  setState(id: string, state: S): void;
  setName(id: string, name: string): void;
  setContainer(id: string, container: C): void;
  remove(id: string): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS containers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, container TEXT NOT NULL, state TEXT NOT NULL
  ) STRICT;
`;

export function openContainerStore<C, S>(db: DatabaseSync): ContainerStore<C, S> {
  db.exec(SCHEMA);
  const insert = db.prepare('INSERT INTO containers VALUES (?, ?, ?, ?)');
  const setState = db.prepare('UPDATE containers SET state = ? WHERE id = ?');
  const setName = db.prepare('UPDATE containers SET name = ? WHERE id = ?');
  const setContainer = db.prepare('UPDATE containers SET container = ? WHERE id = ?');
  const remove = db.prepare('DELETE FROM containers WHERE id = ?');
  return {
    all: () =>
      db
        .prepare('SELECT * FROM containers')
        .all()
        .map((row) => ({
          id: String(row['id']),
          name: String(row['name']),
          container: JSON.parse(String(row['container'])) as C,
          state: JSON.parse(String(row['state'])) as S,
        })),
    insert: ({ id, name, container, state }) =>
      void writing(db, () => insert.run(id, name, JSON.stringify(container), JSON.stringify(state))),
    setState: (id, state) => void writing(db, () => setState.run(JSON.stringify(state), id)),
    setName: (id, name) => void writing(db, () => setName.run(name, id)),
    setContainer: (id, container) => void writing(db, () => setContainer.run(JSON.stringify(container), id)),
    remove: (id) => void writing(db, () => remove.run(id)),
  };
}
