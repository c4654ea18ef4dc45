import { join } from 'node:path';
import { failpoint } from '../../../common/failpoints.ts';
import { KeyedLocks } from '../../../common/locks.ts';
import type { NetworkSteps } from '../../../runtime/contract.ts';
import { openCni } from './cni/cni.ts';
import type { Readiness } from './cni/contract.ts';
import { checkConfinable, confinementChains, putConfinement, unconfine } from './confine.ts';
import { connect, disconnect } from './connect.ts';
import type { BridgeNetwork, Networks } from './contract.ts';
import { createNetwork } from './create.ts';
import { checkSettings, dnsNamesOf } from './endpoint.ts';
import { findOutside, networkFiles, readHostFiles, type DnsSettings } from './files.ts';
import { addressesOf, forgettingOf } from './forget-connections.ts';
import { furnish } from './furnish.ts';
import { createKernel } from './kernel.ts';
import { putRulesNow } from './kernel-side.ts';
import { lookUp, lookUpAddress, type NameScope } from './names.ts';
import { createNetnsLinks } from './netns-links.ts';
import { bridgeNetworkOf, networkOf, type Network } from './network.ts';
import { allNetworks, findNetwork } from './network-list.ts';
import type { Outside } from './outside.ts';
import { portOf } from './port-of.ts';
import { reconcile } from './reconcile.ts';
import { removeNetwork } from './remove.ts';
import { preview, reserve } from './reserve.ts';
import {
  forget,
  networkIdsOf,
  putSandbox,
  showSandbox,
  tell,
  type NetworksOptions,
  type State,
} from './state.ts';
import { endpointSteps, isolatedSteps } from './steps.ts';
import { openNetworkStore } from './store.ts';
import type { Sandbox } from './types.ts';

/** The networks of contract.ts. Touches only the database; call `reconcile` next. */
export function openNetworks(options: NetworksOptions): Networks {
  const state = openState(options);
  const { networks, netns } = state;
  return {
    list: () => [...networks.values()].map(({ view }) => view),
    get: (reference) => findNetwork(networks.values(), reference).view,
    reconcile: (ctx, live, pidOf) => reconcile(ctx, state, { live, pidOf: pidOf ?? (() => undefined) }),
    create: (ctx, request) => createNetwork(ctx, state, request),
    remove: (ctx, reference) => removeNetwork(ctx, state, reference),
    reserve: (ctx, containerId, request) => reserve(ctx, state, { containerId, request }),
    preview: (containerId, request) => preview(state, { containerId, request }),
    furnish: (ctx, containerId, ports) => furnish(ctx, state, { containerId, ports }),
    checkMembers: (ctx, reference) => state.cni.check(ctx, findNetwork(networks.values(), reference).view.id),
    carrierOf: (place) => state.cni.carrierOf(place),
    askReadiness: (reference) => askReadiness(state, findNetwork(networks.values(), reference)),
    readinessOf: (networkId) => state.cni.readinessOf(networkId),
    sandboxOf: (containerId) => state.sandboxes.get(containerId),
    endpointsIn: (networkId) => [...(state.members.get(networkId)?.values() ?? [])],
    connect: (ctx, containerId, request) => connect(ctx, state, { containerId, ...request }),
    disconnect: (ctx, containerId, from) => disconnect(ctx, state, { containerId, ...from }),
    check: (reference, settings) => checkSettings(findNetwork(networks.values(), reference), settings),
    checkConfinable: (references) => {
      for (const network of references.flatMap((each) => findOrNone(state, each) ?? []))
        checkConfinable(state, network);
    },
    renamed: (containerId, from, to) => rename(state, containerId, [from, to]),
    steps: (sandbox) => stepsOf(state, sandbox),
    files: async (_ctx, request) =>
      networkFiles(request, await readHostFiles(), filesConfig(state, request.sandbox)),
    release: async (ctx, containerId) => {
      await failpoint('network.release');
      const sandbox = forget(state, containerId);
      void state.cni.forget(ctx.detached(), containerId);
      if (sandbox === undefined) return;
      unconfine(ctx, state, sandbox);
      const addresses = sandbox.endpoints.flatMap(addressesOf);
      if (addresses.length > 0)
        void state.forgetConnections({ ctx: ctx.detached(), addresses, udpPorts: [] });
      tell(state, { containerId, networkIds: networkIdsOf(sandbox) });
    },
    forgetConnections: (ctx, stale) => state.forgetConnections({ ctx, ...stale }),
    restoreRules: () => {
      putRulesNow(state);
      putConfinement(state);
    },
    chains: () => confinementChains(state),
    publishNetns: (containerId, pid) => netns.publish(containerId, pid),
    unpublishNetns: (containerId) => netns.unpublish(containerId),
    netnsPath: (containerId) => netns.path(containerId),
    lookUp: (containerId, name) => lookUp(scopeOf(state, containerId), name),
    lookUpAddress: (containerId, address) => lookUpAddress(scopeOf(state, containerId), address),
    hasResolver: (sandbox) => hasResolver(state, sandbox),
    outside: (sandbox, chosen) => outside(state, sandbox, chosen),
    bridgeOf: (networkId) => {
      const network = networks.get(networkId);
      return network === undefined ? undefined : bridgeNetworkOf(network, options.config);
    },
    bridges: () => bridgesOf(state),
    watch: (listener) => {
      state.listeners.add(listener);
      return { [Symbol.dispose]: () => void state.listeners.delete(listener) };
    },
    close: () => state.kernel.close(),
  };
}

function openState(options: NetworksOptions): State {
  const store = openNetworkStore(options.db);
  const views = allNetworks(store, options.config);
  const { db, config, dirs } = options;
  const kernel = createKernel();
  const state: State = {
    options,
    store,
    netns: createNetnsLinks(join(dirs.execRoot, 'netns')),
    kernel,
    cni: openCni({ db, config: config.cni, kernel, directory: join(dirs.execRoot, 'cni') }),
    locks: new KeyedLocks(),
    networks: new Map(views.map((view) => [view.id, networkOf(view)])),
    sandboxes: new Map(),
    members: new Map(),
    listeners: new Set(),
    forgetConnections: forgettingOf(() => state),
    reconciled: false,
  };
  for (const sandbox of store.sandboxes()) showSandbox(state, sandbox);
  return state;
}

export const bridgesOf = ({ networks, options }: State): BridgeNetwork[] =>
  [...networks.values()].flatMap((network) => bridgeNetworkOf(network, options.config) ?? []);

function stepsOf(state: State, sandbox: Sandbox): NetworkSteps | undefined {
  switch (sandbox.kind) {
    case 'host':
    case 'container':
      return undefined;
    case 'none':
      return isolatedSteps;
    case 'own':
      return endpointSteps(sandbox.endpoints, {
        portOf: (each) => portOf(state, each),
        hasResolver: hasResolver(state, sandbox),
        joins: state.cni.heldPath(sandbox.containerId),
      });
  }
}

const askReadiness = async ({ cni }: State, { view }: Network): Promise<Readiness | undefined> =>
  view.driver === 'cni' ? cni.status(view) : undefined;

/** A container in another's namespace asks as that one. */
function scopeOf(state: State, containerId: string): NameScope {
  const sandbox = state.sandboxes.get(containerId);
  const owner = sandbox?.kind === 'container' ? state.sandboxes.get(sandbox.joinedId) : sandbox;
  return {
    own: (owner?.endpoints ?? []).filter(
      ({ networkId }) => state.networks.get(networkId)?.isDefaultBridge === false,
    ),
    membersOf: (networkId) => state.members.get(networkId)?.values() ?? [],
  };
}

const hasResolver = ({ networks }: State, { kind, endpoints }: Sandbox): boolean =>
  kind === 'own' && endpoints.some(({ networkId }) => networks.get(networkId)?.isDefaultBridge === false);

function filesConfig(state: State, sandbox: Sandbox) {
  const bridge = findNetwork(state.networks.values(), 'bridge').view;
  const gateway = bridge.ipam.find(({ gateway: each }) => each !== undefined && !each.includes(':'))?.gateway;
  return { ...state.options.config, gateway, hasResolver: hasResolver(state, sandbox) };
}

function findOrNone({ networks }: State, reference: string): Network | undefined {
  try {
    return findNetwork(networks.values(), reference);
  } catch {
    return undefined;
  }
}

/**
 * From an internal network nothing is asked for by the host either, nor for a container with an egress list, unless that says `dns`:
 * then the host asks every server. What the container itself asks for is subject to the list.
 */
async function outside(state: State, sandbox: Sandbox, chosen: DnsSettings): Promise<Outside> {
  const { config } = state.options;
  const { servers, keepsWords } = await findOutside(sandbox, chosen, config);
  const leaves = sandbox.endpoints.some(
    ({ networkId }) => state.networks.get(networkId)?.view.internal === false,
  );
  const { egress } = sandbox;
  if (egress?.dns === true && leaves)
    return { servers: servers.map(({ address }) => ({ address, fromHost: true })), keepsWords };
  const fromHostToo = leaves && egress === undefined;
  return { servers: servers.filter(({ fromHost }) => fromHostToo || !fromHost), keepsWords };
}

function rename(state: State, containerId: string, [from, to]: readonly [string, string]): void {
  const sandbox = state.sandboxes.get(containerId);
  if (sandbox === undefined || sandbox.kind === 'container') return;
  const endpoints = sandbox.endpoints.map((endpoint) => {
    const network = state.networks.get(endpoint.networkId);
    if (network === undefined || endpoint.dnsNames.length === 0) return endpoint;
    const others = endpoint.dnsNames.filter(
      (name) => name !== from && !endpoint.settings.aliases.includes(name),
    );
    const hostname = others.find((name) => !containerId.startsWith(name)) ?? '';
    const { settings } = endpoint;
    return {
      ...endpoint,
      dnsNames: dnsNamesOf(network, { containerId, names: { name: to, hostname }, settings }),
    };
  });
  putSandbox(state, { ...sandbox, endpoints });
  tell(state, { containerId, networkIds: networkIdsOf(sandbox) });
}

export type { NetworksOptions } from './state.ts';
