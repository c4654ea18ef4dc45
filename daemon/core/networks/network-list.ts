import { invalidArgument, notFound } from '../../../common/errors.ts';
import { newId } from '../../../common/ids.ts';
import type { NetworkView } from '../contract.ts';
import type { NetworksConfig } from './contract.ts';
import type { NetworkRow, NetworkStore } from './store.ts';
import { addressText, parseCidr, subnetText } from './subnet.ts';

/** The three networks that every docker daemon has. */
const PREDEFINED = [
  { name: 'bridge', driver: 'bridge' },
  { name: 'host', driver: 'host' },
  { name: 'none', driver: 'null' },
] as const;

/** Their rows; those that are missing are made, so that ids stay the same from one daemon to the next. */
export function predefinedNetworks(store: NetworkStore): NetworkRow[] {
  const rows = store.networks();
  return PREDEFINED.map(({ name, driver }) => {
    const known = rows.find((row) => row.name === name);
    if (known !== undefined) return known;
    const createdAt = new Date().toISOString().replace('Z', '000000Z');
    const row: NetworkRow = { id: newId(), name, driver, createdAt, gatewayCidr: undefined };
    store.putNetwork(row);
    return row;
  });
}

/** By name, id or unique id prefix. Throws `not-found`, `invalid-argument` for a prefix of several. */
export function findNetwork(rows: readonly NetworkRow[], reference: string): NetworkRow {
  const exact = rows.find(({ name, id }) => name === reference || id === reference);
  if (exact !== undefined) return exact;
  const matches = reference === '' ? [] : rows.filter(({ id }) => id.startsWith(reference));
  if (matches.length > 1) {
    throw invalidArgument(`network ${reference} is ambiguous (${matches.length} matches found on ID prefix)`);
  }
  const [match] = matches;
  if (match === undefined) throw notFound(`network ${reference} not found`);
  return match;
}

export function viewOf(row: NetworkRow, config: NetworksConfig): NetworkView {
  const { id, name, driver, createdAt, gatewayCidr } = row;
  const at = gatewayCidr === undefined ? undefined : parseCidr(gatewayCidr);
  return {
    id,
    name,
    driver,
    createdAt,
    subnet: at === undefined ? undefined : subnetText(at.subnet),
    gateway: at === undefined ? undefined : addressText(at.address),
    options: driver === 'bridge' ? bridgeOptions(config) : {},
  };
}

/** Docker's names for what its default bridge is made with. */
const bridgeOptions = (config: NetworksConfig): Readonly<Record<string, string>> => ({
  'com.docker.network.bridge.default_bridge': 'true',
  'com.docker.network.bridge.enable_icc': String(config.icc),
  'com.docker.network.bridge.enable_ip_masquerade': String(config.ipMasq),
  'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
  'com.docker.network.bridge.name': config.bridgeName,
  'com.docker.network.driver.mtu': String(config.mtu),
});
