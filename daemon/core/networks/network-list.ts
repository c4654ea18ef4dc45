import { invalidArgument, notFound } from '../../../common/errors.ts';
import { newId } from '../../../common/ids.ts';
import { formatTime, realTimeNs } from '../time.ts';
import type { NetworksConfig } from './contract.ts';
import type { NetworkStore } from './store.ts';
import type { NetworkView } from './types.ts';

/** The three networks that every docker daemon has. */
const PREDEFINED = [
  { name: 'bridge', driver: 'bridge' },
  { name: 'host', driver: 'host' },
  { name: 'none', driver: 'null' },
] as const;

export const isPredefined = (name: string): boolean => PREDEFINED.some((each) => each.name === name);

/** All rows; those of the predefined that are missing are made, so that ids stay the same from one daemon to the next. */
export function allNetworks(store: NetworkStore, config: NetworksConfig): NetworkView[] {
  const rows = store.networks();
  const predefined = PREDEFINED.map(({ name, driver }): NetworkView => {
    const known = rows.find((row) => row.name === name);
    const options = driver === 'bridge' ? bridgeOptions(config) : {};
    if (known !== undefined) return { ...known, options };
    const view: NetworkView = {
      id: newId(),
      name,
      driver,
      createdAt: formatTime(realTimeNs()),
      enableIPv4: true,
      enableIPv6: false,
      internal: false,
      attachable: false,
      ipam: [],
      ipamOptions: undefined,
      options,
      labels: {},
    };
    store.putNetwork(view);
    return view;
  });
  return [...predefined, ...rows.filter(({ name }) => !isPredefined(name))];
}

/** By name, id or unique id prefix. Throws `not-found`, `invalid-argument` for a prefix of several. */
export function findNetwork<T extends { readonly view: NetworkView }>(
  networks: Iterable<T>,
  reference: string,
): T {
  const all = [...networks];
  const exact =
    all.find(({ view }) => view.id === reference) ?? all.find(({ view }) => view.name === reference);
  if (exact !== undefined) return exact;
  const matches = reference === '' ? [] : all.filter(({ view }) => view.id.startsWith(reference));
  if (matches.length > 1) {
    throw invalidArgument(`network ${reference} is ambiguous (${matches.length} matches found on ID prefix)`);
  }
  const [match] = matches;
  if (match === undefined) throw notFound(`network ${reference} not found`);
  return match;
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
