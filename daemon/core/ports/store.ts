import type { DatabaseSync } from 'node:sqlite';
import type { PublishedPort } from './contract.ts';

/** What of a running container is published, and where to. */
export interface PortRow {
  readonly containerId: string;
  /** By which it is reached. */
  readonly networkId: string;
  readonly target: { readonly ipAddress: string; readonly ipv6Address: string };
  readonly ports: readonly PublishedPort[];
  /** A CNI plugin translates them; here they are only held. */
  readonly byPlugins?: boolean;
}

/** The rows of published ports. Synchronous, in the daemon's own database. */
export interface PortStore {
  all(): PortRow[];
  put(row: PortRow): void;
  delete(containerId: string): void;
}

export function openPortStore(db: DatabaseSync): PortStore {
  db.exec(
    'CREATE TABLE IF NOT EXISTS published_ports (container_id TEXT PRIMARY KEY, row TEXT NOT NULL) STRICT;',
  );
  const put = db.prepare('INSERT OR REPLACE INTO published_ports VALUES (?, ?)');
  const remove = db.prepare('DELETE FROM published_ports WHERE container_id = ?');
  return {
    all: () =>
      (db.prepare('SELECT row FROM published_ports').all() as { row: string }[]).map(
        ({ row }) => JSON.parse(row) as PortRow,
      ),
    put: (row) => void put.run(row.containerId, JSON.stringify(row)),
    delete: (containerId) => void remove.run(containerId),
  };
}
