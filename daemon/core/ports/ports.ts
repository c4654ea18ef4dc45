import { readFile, writeFile } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { Undo } from '../../../common/undo.ts';
import { connectNetlink, type NetlinkRequest } from '../../../native/netlink/connection.ts';
import type { Networks } from '../networks/contract.ts';
import { tableName } from '../networks/firewall.ts';
import type { Endpoint, Sandbox } from '../networks/types.ts';
import { ROUTED, type PortBinding, type Ports, type PublishedPort } from './contract.ts';
import { copyingTables, makeAdmission, removeAdmission, type Admission } from './admission.ts';
import { samePorts } from './bindings.ts';
import { Holds, type PortRange } from './holds.ts';
import {
  addTranslations,
  batchOf,
  deleteTranslations,
  flushTranslations,
  LASTING_CHAINS,
  skeleton,
  type Translation,
} from './rules.ts';
import { openPortStore, type PortRow, type PortStore } from './store.ts';
import { watchRules } from './watch-rules.ts';

export interface PortsOptions {
  readonly db: DatabaseSync;
  readonly networks: Pick<Networks, 'bridgeOf' | 'chains' | 'forgetConnections' | 'restoreRules'>;
  readonly bridgeName: string;
  /** Where ports come from that nobody names. */
  readonly ephemeral: PortRange;
  /** False: no rule is made; then nothing is published either. */
  readonly firewall: boolean;
  /** Whether ports are subject to the host's input policy; see admission.ts. */
  readonly respectHost: boolean;
}

interface State {
  readonly options: PortsOptions;
  readonly table: string;
  readonly store: PortStore;
  readonly holds: Holds;
  readonly rows: Map<string, PortRow>;
  ruleWatch: Disposable | undefined;
  admission: Admission | undefined;
}

/** The ports of contract.ts. Touches only the database; call `reconcile` next. */
export function openPorts(options: PortsOptions): Ports {
  const store = openPortStore(options.db);
  const state: State = {
    options,
    table: tableName(options.bridgeName),
    store,
    holds: new Holds(options.ephemeral),
    rows: new Map(store.all().map((row) => [row.containerId, row])),
    ruleWatch: undefined,
    admission: undefined,
  };
  return {
    publish: (ctx, sandbox, bindings) => publish(ctx, state, { sandbox, bindings }),
    change: (ctx, sandbox, bindings) => change(ctx, state, { sandbox, bindings }),
    preview: (sandbox, bindings) => {
      const endpoint = outwardEndpoint(state, sandbox);
      return endpoint === undefined ? [] : state.holds.look(() => choose(state, endpoint, bindings));
    },
    withdraw: (_ctx, containerId) => withdraw(state, containerId),
    target: (containerId) => {
      const row = state.rows.get(containerId);
      return row === undefined ? undefined : { networkId: row.networkId, ...row.target };
    },
    of: (containerId) => state.rows.get(containerId)?.ports ?? [],
    through: (containerId) => {
      const row = state.rows.get(containerId);
      return row?.byPlugins === true ? row : undefined;
    },
    reconcile: (ctx, sandboxes) => reconcile(ctx, state, sandboxes),
    close: () => {
      state.ruleWatch?.[Symbol.dispose]();
      state.holds.close();
    },
  };
}

/** One transaction of nf_tables: some tens of microseconds, and 5 more a port. */
function send({ options }: State, requests: readonly NetlinkRequest[]): void {
  if (!options.firewall || requests.length === 0) return;
  using netfilter = connectNetlink('netfilter');
  netfilter.batch(batchOf(requests));
}

const ANY_V4 = '0.0.0.0';
const ANY_V6 = '::';

async function publish(
  ctx: Ctx,
  state: State,
  { sandbox, bindings }: { readonly sandbox: Sandbox; readonly bindings: readonly PortBinding[] },
): Promise<void> {
  const endpoint = outwardEndpoint(state, sandbox);
  if (endpoint === undefined || bindings.length === 0) return;
  await using undo = new Undo();
  const ports = choose(state, endpoint, bindings);
  undo.defer(async () => state.holds.release(ports));
  const { containerId, ipAddress, ipv6Address, networkId, driver } = endpoint;
  const byPlugins = driver === 'cni' ? { byPlugins: true } : {};
  const row: PortRow = { containerId, networkId, target: { ipAddress, ipv6Address }, ports, ...byPlugins };
  state.store.put(row);
  undo.defer(async () => state.store.delete(containerId));
  await failpoint('ports.publish.row');
  send(state, addTranslations(state.table, translated([row])));
  undo.defer(async () => send(state, deleteTranslations(state.table, translated([row]))));
  await failpoint('ports.publish.rules');
  await allowLoopback(state, networkId);
  state.rows.set(containerId, row);
  undo.commit();
  forgetUntranslated(ctx, state, ports);
  ctx.log.debug('Published ports', { container: containerId, ports: ports.length });
}

/** Ports.change. */
async function change(
  ctx: Ctx,
  state: State,
  { sandbox, bindings }: { readonly sandbox: Sandbox; readonly bindings: readonly PortBinding[] },
): Promise<void> {
  const endpoint = outwardEndpoint(state, sandbox);
  if (endpoint === undefined) return;
  const { containerId, ipAddress, ipv6Address, networkId } = endpoint;
  const target = { ipAddress, ipv6Address };
  const before = state.rows.get(containerId) ?? { containerId, networkId, target, ports: [] };
  const { kept, missing } = keepFitting(state, endpoint, { bindings, ports: before.ports });
  const dropped = before.ports.filter((port) => !kept.includes(port));
  if (missing.length + dropped.length === 0) return;
  await using undo = new Undo();
  // First, since another binding may want the same port of the host.
  state.holds.release(dropped);
  undo.defer(async () => holdAgain(ctx, state, { containerId, ports: dropped }));
  const added = choose(state, endpoint, missing);
  undo.defer(async () => state.holds.release(added));
  const after: PortRow = { containerId, networkId, target, ports: [...kept, ...added] };
  state.store.put(after);
  undo.defer(async () => state.store.put(before));
  await failpoint('ports.change.row');
  send(state, [
    ...deleteTranslations(state.table, [{ ...before, ports: dropped }]),
    ...addTranslations(state.table, [{ ...after, ports: added }]),
  ]);
  undo.defer(async () =>
    send(state, [
      ...deleteTranslations(state.table, [{ ...after, ports: added }]),
      ...addTranslations(state.table, [{ ...before, ports: dropped }]),
    ]),
  );
  await failpoint('ports.change.rules');
  await allowLoopback(state, networkId);
  state.rows.set(containerId, after);
  undo.commit();
  forgetUntranslated(ctx, state, added);
}

/** Which of the published ports bindings still want, and which bindings have none. */
function keepFitting(
  state: State,
  endpoint: Endpoint,
  {
    bindings,
    ports,
  }: { readonly bindings: readonly PortBinding[]; readonly ports: readonly PublishedPort[] },
): { readonly kept: readonly PublishedPort[]; readonly missing: readonly PortBinding[] } {
  const kept = new Set<PublishedPort>();
  const missing: PortBinding[] = [];
  for (const group of samePorts(bindings)) {
    const hostIps = group.flatMap((each) => hostIpsOf(state, endpoint, each));
    const fitting = findFitting(
      ports.filter((port) => !kept.has(port)),
      group[0],
      [
        ...hostIps.filter((hostIp) => !isRouted(state, endpoint, hostIp)),
        ...routedPorts(
          hostIps,
          hostIps.filter((hostIp) => !isRouted(state, endpoint, hostIp)),
        ),
      ],
    );
    if (fitting === undefined) missing.push(...group);
    else for (const port of fitting) kept.add(port);
  }
  return { kept: [...kept], missing };
}

/** One port of the host, at all of the addresses. */
function findFitting(
  ports: readonly PublishedPort[],
  { containerPort, protocol, hostPorts }: PortBinding,
  hostIps: readonly string[],
): readonly PublishedPort[] | undefined {
  const ours = ports.filter((port) => port.containerPort === containerPort && port.protocol === protocol);
  const fits = ({ hostPort }: PublishedPort): boolean =>
    hostPort === ROUTED ||
    hostPorts === undefined ||
    (hostPort >= hostPorts.first && hostPort <= hostPorts.last);
  for (const { hostPort } of ours.filter(fits)) {
    const found = hostIps.map((hostIp) =>
      ours.find((port) => port.hostIp === hostIp && [hostPort, ROUTED].includes(port.hostPort)),
    );
    const whole = found.filter((port) => port !== undefined);
    if (whole.length === hostIps.length) return whole;
  }
  return undefined;
}

/** Holds a port of the host for each binding; all, or none. */
function choose(state: State, endpoint: Endpoint, bindings: readonly PortBinding[]): PublishedPort[] {
  const ports: PublishedPort[] = [];
  try {
    for (const [binding, ...others] of samePorts(bindings)) {
      const wanted = [binding, ...others].flatMap((each) => hostIpsOf(state, endpoint, each));
      const hostIps = wanted.filter((hostIp) => !isRouted(state, endpoint, hostIp));
      ports.push(...routedPorts(wanted, hostIps).map((hostIp) => routed(binding, hostIp)));
      if (hostIps.length > 0)
        ports.push(...state.holds.take({ binding, hostIps, target: endpoint.ipAddress }));
    }
    return ports;
  } catch (error) {
    state.holds.release(ports);
    throw error;
  }
}

/** Who has been sending datagrams to the port would be kept from the container by the kernel's memory of it. */
function forgetUntranslated(ctx: Ctx, { options }: State, ports: readonly PublishedPort[]): void {
  const udpPorts = ports.filter(({ protocol }) => protocol === 'udp').map(({ hostPort }) => hostPort);
  if (udpPorts.length > 0)
    void options.networks.forgetConnections(ctx.detached(), { addresses: [], udpPorts });
}

/** Docker: the network that has the default gateway. */
function outwardEndpoint({ options }: State, { endpoints }: Sandbox): Endpoint | undefined {
  return endpoints
    .filter(
      ({ driver, networkId }) =>
        driver === 'cni' || (driver === 'bridge' && options.networks.bridgeOf(networkId)?.internal === false),
    )
    .toSorted((a, b) => b.settings.gatewayPriority - a.settings.gatewayPriority)[0];
}

/** IPv6 only where the container has an address: what would translate between the two is a process. */
function hostIpsOf(
  { options }: State,
  { networkId, ipAddress, ipv6Address, driver }: Endpoint,
  { hostIp }: PortBinding,
): string[] {
  if (driver === 'cni') return [hostIp === '' ? ANY_V4 : hostIp];
  const wanted = hostIp === '' ? (options.networks.bridgeOf(networkId)?.hostBinding ?? ANY_V4) : hostIp;
  const all = hostIp === '' && wanted === ANY_V4 ? [ANY_V4, ANY_V6] : [wanted];
  return all.filter((ip) => (ip.includes(':') ? ipv6Address : ipAddress) !== '');
}

/** Nothing is translated to it: the port is opened on the container's own address. */
function isRouted({ options }: State, { networkId }: Endpoint, hostIp: string): boolean {
  const bridge = options.networks.bridgeOf(networkId);
  return (hostIp.includes(':') ? bridge?.gatewayMode6 : bridge?.gatewayMode4) === 'routed';
}

const routed = ({ containerPort, protocol }: PortBinding, hostIp: string): PublishedPort => ({
  containerPort,
  protocol,
  hostIp,
  hostPort: ROUTED,
});

/** Docker: of each family once, whatever address was named. */
const routedPorts = (wanted: readonly string[], translated: readonly string[]): string[] => [
  ...new Set(
    wanted
      .filter((hostIp) => !translated.includes(hostIp))
      .map((hostIp) => (hostIp.includes(':') ? ANY_V6 : ANY_V4)),
  ),
];

/** Lets what the host sends from its own loopback out on the bridge; chain `loopback` keeps everybody else from it. */
async function allowLoopback({ options }: State, networkId: string): Promise<void> {
  const bridge = options.networks.bridgeOf(networkId);
  if (bridge === undefined || !options.firewall) return;
  await writeFile(`/proc/sys/net/ipv4/conf/${bridge.bridgeName}/route_localnet`, '1');
}

async function withdraw(state: State, containerId: string): Promise<void> {
  const row = state.rows.get(containerId);
  if (row === undefined) return;
  state.rows.delete(containerId);
  send(state, deleteTranslations(state.table, translated([row])));
  await failpoint('ports.withdraw.rules');
  state.holds.release(row.ports);
  state.store.delete(containerId);
}

async function reconcile(ctx: Ctx, state: State, sandboxes: readonly Sandbox[]): Promise<void> {
  const live = new Set(sandboxes.map(({ containerId }) => containerId));
  for (const row of state.rows.values()) {
    if (live.has(row.containerId)) continue;
    state.rows.delete(row.containerId);
    state.store.delete(row.containerId);
  }
  const { firewall, networks, respectHost, bridgeName } = state.options;
  if (firewall && respectHost) state.admission = makeAdmission(bridgeName);
  putAll(state);
  if (state.admission === undefined) removeAdmission(bridgeName);
  for (const { containerId, networkId, ports } of state.rows.values()) {
    holdAgain(ctx, state, { containerId, ports });
    await allowLoopback(state, networkId);
  }
  if (!firewall) return;
  state.ruleWatch ??= watchRules(ctx, {
    table: state.table,
    chains: () => [{ family: 'inet', names: LASTING_CHAINS }, ...networks.chains()],
    restore: () => {
      networks.restoreRules();
      putAll(state);
    },
  });
}

/** Those that are no plugin's. */
const translated = (rows: readonly PortRow[]): PortRow[] =>
  rows.filter(({ byPlugins }) => byPlugins !== true);

/** Chains, maps, and every translation, whatever was there. */
function putAll(state: State): void {
  const rows: readonly (PortRow & Translation)[] = translated([...state.rows.values()]);
  send(state, [
    ...skeleton(state.table, state.admission),
    ...copyingTables(state.table, state.admission),
    ...flushTranslations(state.table),
    ...addTranslations(state.table, rows),
  ]);
}

/** Another program may have taken it while no daemon ran; the translation stands before it. */
function holdAgain(
  ctx: Ctx,
  { holds }: State,
  { containerId, ports }: { readonly containerId: string; readonly ports: readonly PublishedPort[] },
): void {
  for (const port of ports.filter(({ hostPort }) => hostPort !== ROUTED)) {
    try {
      holds.hold([port], ({ hostIp, hostPort, protocol }) => `${hostIp}:${hostPort}/${protocol}`);
    } catch (error) {
      ctx.log.warn('Cannot hold a published port', { container: containerId, error });
    }
  }
}

/** man 7 ip, ip_local_port_range. */
export async function readEphemeralRange(): Promise<PortRange> {
  const text = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const [first = 32_768, last = 60_999] = text.trim().split(/\s+/).map(Number);
  return { first, last };
}
