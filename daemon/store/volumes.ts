import type { DatabaseSync } from 'node:sqlite';
import { writing } from '../../common/sqlite.ts';

/** `creating` and `removing`: its driver is at work, and is asked again by the next daemon if this one dies. */
export type VolumeState = 'creating' | 'ready' | 'removing';

export interface VolumeRow {
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly state: VolumeState;
}

/** Rows of volumes. Synchronous; read once, at open. */
export interface VolumeStore {
  all(): VolumeRow[];
  insert(row: VolumeRow): void;
  setState(name: string, state: VolumeState): void;
  remove(name: string): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS volumes (
    name TEXT PRIMARY KEY, driver TEXT NOT NULL, options TEXT NOT NULL, labels TEXT NOT NULL, created_at TEXT NOT NULL,
    state TEXT NOT NULL
  ) STRICT;
`;

export function openVolumeStore(db: DatabaseSync): VolumeStore {
  db.exec(SCHEMA);
  const insert = db.prepare('INSERT INTO volumes VALUES (?, ?, ?, ?, ?, ?)');
  const setState = db.prepare('UPDATE volumes SET state = ? WHERE name = ?');
  const remove = db.prepare('DELETE FROM volumes WHERE name = ?');
  return {
    all: () =>
      db
        .prepare('SELECT * FROM volumes')
        .all()
        .map((row) => ({
          name: String(row['name']),
          driver: String(row['driver']),
          options: JSON.parse(String(row['options'])) as VolumeRow['options'],
          labels: JSON.parse(String(row['labels'])) as VolumeRow['labels'],
          createdAt: String(row['created_at']),
          state: String(row['state']) as VolumeState,
        })),
    insert: ({ name, driver, options, labels, createdAt, state }) =>
      void writing(db, () =>
        insert.run(name, driver, JSON.stringify(options), JSON.stringify(labels), createdAt, state),
      ),
    setState: (name, state) => void writing(db, () => setState.run(state, name)),
    remove: (name) => void writing(db, () => remove.run(name)),
  };
}
