import type { DatabaseSync } from 'node:sqlite';
import { transaction, writing } from '../../common/sqlite.ts';

/** What a namespace of containerd's API names: each namespace has names of its own for what all of them share. */
export type Kind = 'namespace' | 'container' | 'image' | 'content' | 'ingest' | 'snapshot' | 'lease' | 'task';

export interface Row<T> {
  readonly namespace: string;
  readonly name: string;
  readonly value: T;
}

/** Rows of one kind, read once and kept in memory. Synchronous. */
export interface Rows<T> {
  /** Sorted by name, as containerd's database is. */
  list(namespace: string): readonly Row<T>[];
  all(): readonly Row<T>[];
  get(namespace: string, name: string): T | undefined;
  /** In any namespace. */
  isNamed(name: string): boolean;
  /** Makes or replaces. */
  put(namespace: string, name: string, value: T): void;
  /** Takes a row away and makes or replaces the one of its new name, both or none. */
  rename(namespace: string, names: readonly [from: string, to: string], value: T): void;
  /** Whether it was there. */
  remove(namespace: string, name: string): boolean;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS namespaced (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
  ) STRICT, WITHOUT ROWID;
`;

/** `T` is written as JSON. A value that was put is frozen by contract: nobody changes it. */
export function openRows<T>(
  db: DatabaseSync,
  kind: Kind,
  /** A namespace gets its first row. */
  onNamespace = (_namespace: string): void => {},
): Rows<T> {
  db.exec(SCHEMA);
  const put = db.prepare('INSERT OR REPLACE INTO namespaced VALUES (?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM namespaced WHERE kind = ? AND namespace = ? AND name = ?');
  const namespaces = new Map<string, Map<string, T>>();
  const valuesOf = (namespace: string): Map<string, T> => {
    const known = namespaces.get(namespace);
    if (known !== undefined) return known;
    const fresh = new Map<string, T>();
    namespaces.set(namespace, fresh);
    return fresh;
  };
  for (const row of db.prepare('SELECT namespace, name, value FROM namespaced WHERE kind = ?').all(kind)) {
    valuesOf(String(row['namespace'])).set(String(row['name']), JSON.parse(String(row['value'])) as T);
  }
  const list = (namespace: string): Row<T>[] =>
    [...(namespaces.get(namespace) ?? [])]
      .map(([name, value]) => ({ namespace, name, value }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    list,
    all: () => [...namespaces.keys()].flatMap(list),
    get: (namespace, name) => namespaces.get(namespace)?.get(name),
    isNamed: (name) => [...namespaces.values()].some((values) => values.has(name)),
    put: (namespace, name, value) => {
      if (!namespaces.has(namespace)) onNamespace(namespace);
      writing(db, () => put.run(kind, namespace, name, JSON.stringify(value)));
      valuesOf(namespace).set(name, value);
    },
    rename: (namespace, [from, to], value) => {
      transaction(db, () => {
        remove.run(kind, namespace, from);
        put.run(kind, namespace, to, JSON.stringify(value));
      });
      valuesOf(namespace).delete(from);
      valuesOf(namespace).set(to, value);
    },
    remove: (namespace, name) => {
      if (namespaces.get(namespace)?.has(name) !== true) return false;
      writing(db, () => remove.run(kind, namespace, name));
      const values = valuesOf(namespace);
      values.delete(name);
      if (values.size === 0) namespaces.delete(namespace);
      return true;
    },
  };
}
