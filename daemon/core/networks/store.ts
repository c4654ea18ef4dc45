import type { DatabaseSync } from 'node:sqlite';
import type { Endpoint } from './contract.ts';

/** The rows of networks and endpoints. Synchronous, in the daemon's own database. */
export interface NetworkRow {
  readonly id: string;
  readonly name: string;
  readonly driver: 'bridge' | 'host' | 'null';
  readonly createdAt: string;
  /** The bridge's address with its prefix; undefined for the others, and before the first reconcile. */
  readonly gatewayCidr: string | undefined;
}

export interface NetworkStore {
  networks(): NetworkRow[];
  putNetwork(row: NetworkRow): void;
  endpoints(): Endpoint[];
  /** Replaces the container's. */
  putEndpoint(endpoint: Endpoint): void;
  deleteEndpoint(containerId: string): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS network_networks (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, driver TEXT NOT NULL, created_at TEXT NOT NULL, gateway_cidr TEXT
  ) STRICT;
  CREATE TABLE IF NOT EXISTS network_endpoints (container_id TEXT PRIMARY KEY, endpoint TEXT NOT NULL) STRICT;
`;

export function openNetworkStore(db: DatabaseSync): NetworkStore {
  db.exec(SCHEMA);
  const putNetwork = db.prepare('INSERT OR REPLACE INTO network_networks VALUES (?, ?, ?, ?, ?)');
  const putEndpoint = db.prepare('INSERT OR REPLACE INTO network_endpoints VALUES (?, ?)');
  const deleteEndpoint = db.prepare('DELETE FROM network_endpoints WHERE container_id = ?');
  return {
    networks: () =>
      (db.prepare('SELECT * FROM network_networks').all() as unknown as StoredNetwork[]).map(networkOf),
    putNetwork: ({ id, name, driver, createdAt, gatewayCidr }) =>
      void putNetwork.run(id, name, driver, createdAt, gatewayCidr ?? null),
    endpoints: () =>
      (db.prepare('SELECT endpoint FROM network_endpoints').all() as { endpoint: string }[]).map(
        ({ endpoint }) => JSON.parse(endpoint) as Endpoint,
      ),
    putEndpoint: (endpoint) => void putEndpoint.run(endpoint.containerId, JSON.stringify(endpoint)),
    deleteEndpoint: (containerId) => void deleteEndpoint.run(containerId),
  };
}

/** As SCHEMA has it. */
interface StoredNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: NetworkRow['driver'];
  readonly created_at: string;
  readonly gateway_cidr: string | null;
}

const networkOf = ({ id, name, driver, ...rest }: StoredNetwork): NetworkRow => ({
  id,
  name,
  driver,
  createdAt: rest.created_at,
  gatewayCidr: rest.gateway_cidr ?? undefined,
});
