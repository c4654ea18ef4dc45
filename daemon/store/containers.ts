import type { DatabaseSync } from 'node:sqlite';
import { writing } from '../../common/sqlite.ts';

/**
 * Rows of containers, in the daemon's own database. Synchronous; read once, at open. What `C` (everything that does not change
 * but by rename) and `S` (the state) look like is the engine's affair, and so is `R`, what its next restart depends on.
 */
export interface ContainerStore<C, S, R> {
  all(): ContainerRow<C, S, R>[];
  /** Throws for a name or id that is taken. */
  insert(row: ContainerRow<C, S, R>): void;
  /** Both at once. */
  setState(id: string, state: S, restarts: R): void;
  setName(id: string, name: string): void;
  setContainer(id: string, container: C): void;
  remove(id: string): void;
}

export interface ContainerRow<C, S, R> {
  readonly id: string;
  readonly name: string;
  readonly container: C;
  readonly state: S;
  readonly restarts: R;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS containers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, container TEXT NOT NULL, state TEXT NOT NULL,
    restarts TEXT NOT NULL DEFAULT '{}'
  ) STRICT;
`;

/** Tables of earlier versions lack the column. */
function addRestarts(db: DatabaseSync): void {
  const columns = db.prepare('PRAGMA table_info(containers)').all();
  if (columns.some(({ name }) => name === 'restarts')) return;
  db.exec("ALTER TABLE containers ADD COLUMN restarts TEXT NOT NULL DEFAULT '{}'");
}

export function openContainerStore<C, S, R>(db: DatabaseSync): ContainerStore<C, S, R> {
  db.exec(SCHEMA);
  addRestarts(db);
  const insert = db.prepare('INSERT INTO containers VALUES (?, ?, ?, ?, ?)');
  const setState = db.prepare('UPDATE containers SET state = ?, restarts = ? WHERE id = ?');
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
          restarts: JSON.parse(String(row['restarts'])) as R,
        })),
    insert: ({ id, name, ...parts }) => {
      const { container, state, restarts } = parts;
      const values = [container, state, restarts].map((part) => JSON.stringify(part));
      void writing(db, () => insert.run(id, name, ...values));
    },
    setState: (id, state, restarts) =>
      void writing(db, () => setState.run(JSON.stringify(state), JSON.stringify(restarts), id)),
    setName: (id, name) => void writing(db, () => setName.run(name, id)),
    setContainer: (id, container) => void writing(db, () => setContainer.run(JSON.stringify(container), id)),
    remove: (id) => void writing(db, () => remove.run(id)),
  };
}
