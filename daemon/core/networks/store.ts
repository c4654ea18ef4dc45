import type { DatabaseSync } from 'node:sqlite';
import type { NetworkView, Sandbox } from './types.ts';

/** The rows of networks and sandboxes. Synchronous, in the daemon's own database. */
export interface NetworkStore {
  networks(): NetworkView[];
  putNetwork(network: NetworkView): void;
  deleteNetwork(id: string): void;
  sandboxes(): Sandbox[];
  /** Replaces the container's. */
  putSandbox(sandbox: Sandbox): void;
  deleteSandbox(containerId: string): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS networks (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, network TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS network_sandboxes (container_id TEXT PRIMARY KEY, sandbox TEXT NOT NULL) STRICT;
`;

export function openNetworkStore(db: DatabaseSync): NetworkStore {
  db.exec(SCHEMA);
  const putNetwork = db.prepare('INSERT OR REPLACE INTO networks VALUES (?, ?, ?)');
  const deleteNetwork = db.prepare('DELETE FROM networks WHERE id = ?');
  const putSandbox = db.prepare('INSERT OR REPLACE INTO network_sandboxes VALUES (?, ?)');
  const deleteSandbox = db.prepare('DELETE FROM network_sandboxes WHERE container_id = ?');
  return {
    networks: () =>
      (db.prepare('SELECT network FROM networks').all() as { network: string }[]).map(
        ({ network }) => JSON.parse(network) as NetworkView,
      ),
    putNetwork: (network) => void putNetwork.run(network.id, network.name, JSON.stringify(network)),
    deleteNetwork: (id) => void deleteNetwork.run(id),
    sandboxes: () =>
      (db.prepare('SELECT sandbox FROM network_sandboxes').all() as { sandbox: string }[]).map(
        ({ sandbox }) => JSON.parse(sandbox) as Sandbox,
      ),
    putSandbox: (sandbox) => void putSandbox.run(sandbox.containerId, JSON.stringify(sandbox)),
    deleteSandbox: (containerId) => void deleteSandbox.run(containerId),
  };
}
