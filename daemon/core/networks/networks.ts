import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { failpoint } from '../../../common/failpoints.ts';
import { internal, invalidArgument } from '../../../common/errors.ts';
import { newId } from '../../../common/ids.ts';
import type { Ctx } from '../../../common/ctx.ts';
import type { NetworkSteps } from '../../../runtime/contract.ts';
import { createAddressPool, macOf, type AddressPool } from './address-pool.ts';
import type { BridgeEndpoint, Endpoint, Networks, NetworksConfig, ReserveRequest } from './contract.ts';
import { networkFiles, readHostFiles } from './files.ts';
import { createNetnsLinks, type NetnsLinks } from './netns-links.ts';
import { findNetwork, predefinedNetworks, viewOf } from './network-list.ts';
import { reconcileBridge, type BridgeState } from './reconcile.ts';
import { bridgeSteps, isolatedSteps } from './steps.ts';
import { openNetworkStore, type NetworkRow, type NetworkStore } from './store.ts';
import { addressText, contains, parseAddress, parseCidr, subnetText } from './subnet.ts';

export interface NetworksOptions {
  /** Tables of its own: `network_*`. */
  readonly db: DatabaseSync;
  readonly config: NetworksConfig;
  readonly dirs: { readonly execRoot: string };
}

/** What changes while the daemon runs. */
interface State {
  readonly options: NetworksOptions;
  readonly store: NetworkStore;
  readonly netns: NetnsLinks;
  readonly endpoints: Map<string, Endpoint>;
  rows: NetworkRow[];
  /** Undefined until the first reconcile. */
  bridge: (BridgeState & { readonly pool: AddressPool }) | undefined;
}

/** The networks of contract.ts. Touches only the database; call `reconcile` next. */
export function openNetworks(options: NetworksOptions): Networks {
  const store = openNetworkStore(options.db);
  const state: State = {
    options,
    store,
    netns: createNetnsLinks(join(options.dirs.execRoot, 'netns')),
    endpoints: new Map(store.endpoints().map((endpoint) => [endpoint.containerId, endpoint])),
    rows: predefinedNetworks(store),
    bridge: undefined,
  };
  const { config } = options;
  return {
    list: () => state.rows.map((row) => viewOf(row, config)),
    get: (reference) => viewOf(findNetwork(state.rows, reference), config),
    reconcile: (ctx, live) => reconcile(ctx, state, live),
    reserve: (ctx, containerId, request) => reserve(ctx, state, { containerId, request }),
    endpointOf: (containerId) => state.endpoints.get(containerId),
    steps: (endpoint) => stepsOf(state, endpoint),
    files: async (_ctx, request) => {
      const gateway = state.bridge === undefined ? undefined : addressText(state.bridge.at.address);
      return networkFiles(request, await readHostFiles(), { ...config, gateway });
    },
    release: async (_ctx, containerId) => {
      await failpoint('network.release');
      forget(state, containerId);
    },
    publishNetns: (containerId, pid) => state.netns.publish(containerId, pid),
    unpublishNetns: (containerId) => state.netns.unpublish(containerId),
    netnsPath: (containerId) => state.netns.path(containerId),
  };
}

async function reconcile(ctx: Ctx, state: State, live: ReadonlySet<string>): Promise<void> {
  for (const containerId of state.endpoints.keys()) if (!live.has(containerId)) forget(state, containerId);
  await state.netns.keepOnly(live);
  const row = findNetwork(state.rows, 'bridge');
  const attached = bridgeEndpoints(state);
  const bridge = await reconcileBridge(ctx, {
    config: state.options.config,
    before: beforeOf(row),
    live: attached,
  });
  const gatewayCidr = `${addressText(bridge.at.address)}/${bridge.at.subnet.prefixLength}`;
  const updated = { ...row, gatewayCidr };
  state.store.putNetwork(updated);
  state.rows = state.rows.map((other) => (other.id === row.id ? updated : other));
  const pool = createAddressPool(bridge.at.subnet, bridge.at.address);
  for (const { ipAddress } of attached) pool.claim(parseAddress(ipAddress));
  state.bridge = { ...bridge, pool };
  ctx.log.info('The default bridge is ready', {
    bridge: state.options.config.bridgeName,
    subnet: subnetText(bridge.at.subnet),
    endpoints: attached.length,
  });
}

function beforeOf(row: NetworkRow): BridgeState['at'] | undefined {
  return row.gatewayCidr === undefined ? undefined : parseCidr(row.gatewayCidr);
}

const bridgeEndpoints = (state: State): BridgeEndpoint[] =>
  [...state.endpoints.values()].filter((endpoint) => endpoint.kind === 'bridge');

interface Reservation {
  readonly containerId: string;
  readonly request: ReserveRequest;
}

async function reserve(ctx: Ctx, state: State, { containerId, request }: Reservation): Promise<Endpoint> {
  ctx.check();
  const mode = request.networkMode;
  const row = findNetwork(state.rows, mode === 'default' || mode === '' ? 'bridge' : mode);
  forget(state, containerId);
  const common = { containerId, networkId: row.id, networkName: row.name, endpointId: newId() };
  const endpoint: Endpoint =
    row.driver === 'bridge'
      ? placeOnBridge(state, common, request.macAddress)
      : { ...common, kind: row.driver === 'null' ? 'none' : 'host' };
  state.endpoints.set(containerId, endpoint);
  try {
    state.store.putEndpoint(endpoint);
    await failpoint('network.reserve');
  } catch (error) {
    forget(state, containerId);
    throw error;
  }
  return endpoint;
}

type Common = Pick<Endpoint, 'containerId' | 'networkId' | 'networkName' | 'endpointId'>;

const MAC_ADDRESS = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;

function placeOnBridge(state: State, common: Common, macAddress: string | undefined): BridgeEndpoint {
  const { at, pool } = bridgeOf(state);
  if (macAddress !== undefined && !MAC_ADDRESS.test(macAddress)) {
    throw invalidArgument(`invalid MAC address "${macAddress}"`);
  }
  const address = pool.take();
  return {
    ...common,
    kind: 'bridge',
    ipAddress: addressText(address),
    prefixLength: at.subnet.prefixLength,
    gateway: addressText(at.address),
    macAddress: macAddress ?? macOf(address),
    hostInterface: freeInterfaceName(state),
  };
}

/** Random, so that daemons side by side do not meet either; 28 bits, so that a look at our own is enough. */
function freeInterfaceName(state: State): string {
  const used = new Set(bridgeEndpoints(state).map(({ hostInterface }) => hostInterface));
  for (;;) {
    const name = `veth${newId().slice(0, 7)}`;
    if (!used.has(name)) return name;
  }
}

function bridgeOf(state: State): NonNullable<State['bridge']> {
  if (state.bridge === undefined) throw internal('The networks are used before they were reconciled');
  return state.bridge;
}

function stepsOf(state: State, endpoint: Endpoint): NetworkSteps | undefined {
  if (endpoint.kind === 'host') return undefined;
  if (endpoint.kind === 'none') return isolatedSteps;
  const { mtu, icc } = state.options.config;
  return bridgeSteps(endpoint, { bridgeIndex: bridgeOf(state).index, mtu, isolated: !icc });
}

function forget(state: State, containerId: string): void {
  const endpoint = state.endpoints.get(containerId);
  if (endpoint === undefined) return;
  state.store.deleteEndpoint(containerId);
  state.endpoints.delete(containerId);
  if (endpoint.kind !== 'bridge' || state.bridge === undefined) return;
  const address = parseAddress(endpoint.ipAddress);
  if (contains(state.bridge.at.subnet, address)) state.bridge.pool.give(address);
}
