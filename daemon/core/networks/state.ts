import type { DatabaseSync } from 'node:sqlite';
import { newId } from '../../../common/ids.ts';
import type { KeyedLocks } from '../../../common/locks.ts';
import type { Cni } from './cni/contract.ts';
import type { NetworksChange, NetworksConfig, NetworksListener } from './contract.ts';
import type { Kernel } from './kernel.ts';
import type { NetnsLinks } from './netns-links.ts';
import type { Network } from './network.ts';
import type { ForgetConnections } from './stale-connections.ts';
import type { NetworkStore } from './store.ts';
import { parseAddress } from './subnet.ts';
import type { Endpoint, Sandbox } from './types.ts';

export interface NetworksOptions {
  /** Tables of its own: `networks`, `network_*`. */
  readonly db: DatabaseSync;
  readonly config: NetworksConfig;
  readonly dirs: { readonly execRoot: string };
}

/** What changes while the daemon runs. */
export interface State {
  readonly options: NetworksOptions;
  readonly store: NetworkStore;
  readonly netns: NetnsLinks;
  readonly kernel: Kernel;
  readonly cni: Cni;
  /** Key `networks`: who makes or removes one. By container: who changes its endpoints. */
  readonly locks: KeyedLocks;
  /** By id. */
  readonly networks: Map<string, Network>;
  readonly sandboxes: Map<string, Sandbox>;
  /** By network, then by container. */
  readonly members: Map<string, Map<string, Endpoint>>;
  readonly listeners: Set<NetworksListener>;
  readonly forgetConnections: ForgetConnections;
  reconciled: boolean;
}

/** Writes the row, then shows the sandbox. */
export function putSandbox(state: State, sandbox: Sandbox): void {
  state.store.putSandbox(sandbox);
  const before = state.sandboxes.get(sandbox.containerId);
  for (const { networkId } of before?.endpoints ?? [])
    state.members.get(networkId)?.delete(sandbox.containerId);
  showSandbox(state, sandbox);
}

export function showSandbox(state: State, sandbox: Sandbox): void {
  state.sandboxes.set(sandbox.containerId, sandbox);
  for (const endpoint of sandbox.endpoints) {
    let members = state.members.get(endpoint.networkId);
    if (members === undefined) state.members.set(endpoint.networkId, (members = new Map()));
    members.set(sandbox.containerId, endpoint);
  }
}

/** Deletes the row and gives the addresses back; undefined if there was none. */
export function forget(state: State, containerId: string): Sandbox | undefined {
  const sandbox = state.sandboxes.get(containerId);
  if (sandbox === undefined) return undefined;
  state.store.deleteSandbox(containerId);
  state.sandboxes.delete(containerId);
  for (const endpoint of sandbox.endpoints) {
    state.members.get(endpoint.networkId)?.delete(containerId);
    giveBack(state, endpoint);
  }
  return sandbox;
}

export function giveBack(state: State, { networkId, ipAddress, ipv6Address }: Endpoint): void {
  const pools = state.networks.get(networkId)?.pools ?? [];
  for (const text of [ipAddress, ipv6Address]) {
    if (text === '') continue;
    const address = parseAddress(text);
    for (const pool of pools) pool.give(address);
  }
}

/** Marks the addresses of an endpoint as taken. */
export function claim(network: Network, { ipAddress, ipv6Address }: Endpoint): void {
  for (const text of [ipAddress, ipv6Address]) {
    if (text === '') continue;
    const address = parseAddress(text);
    network.pools.find(({ subnet }) => subnet.family === address.family)?.claim(address);
  }
}

export function tell(state: State, change: NetworksChange): void {
  for (const listener of state.listeners) listener(change);
}

export const networkIdsOf = ({ endpoints }: Sandbox): string[] => endpoints.map(({ networkId }) => networkId);

/** Random, so that daemons side by side do not meet either; 28 bits, so that a look at our own is enough. */
export function freeInterfaceName(state: State, besides: ReadonlySet<string>): string {
  const used = new Set(
    [...state.sandboxes.values()].flatMap(({ endpoints }) => endpoints.map((each) => each.hostInterface)),
  );
  for (;;) {
    const name = `veth${newId().slice(0, 7)}`;
    if (!used.has(name) && !besides.has(name)) return name;
  }
}
