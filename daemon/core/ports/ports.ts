import { readFile, writeFile } from 'node:fs/promises';
import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { pace } from '../../../common/pace.ts';
import { Undo } from '../../../common/undo.ts';
import type { NetlinkRequest } from '../../../native/netlink/connection.ts';
import { tableName } from '../networks/firewall.ts';
import type { Sandbox } from '../networks/types.ts';
import { ROUTED, type PortBinding, type Ports, type PublishedPort } from './contract.ts';
import { copyingTables, makeAdmission, removeAdmission } from './admission.ts';
import { choose, chooseNow, keepFitting, outwardEndpoint } from './choose.ts';
import { foreignChains } from './foreign-chains.ts';
import { Holds, type PortRange } from './holds.ts';
import { addTranslations, deleteTranslations, flushTranslations, LASTING_CHAINS, skeleton } from './rules.ts';
import { inTurns, send, sendAll } from './send.ts';
import type { PortsOptions, State } from './state.ts';
import { openPortStore, type PortRow } from './store.ts';
import { watchRules } from './watch-rules.ts';

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
      return endpoint === undefined ? [] : state.holds.look(() => chooseNow(state, endpoint, bindings));
    },
    withdraw: (ctx, containerId) => withdraw(ctx, state, containerId),
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

async function publish(
  ctx: Ctx,
  state: State,
  { sandbox, bindings }: { readonly sandbox: Sandbox; readonly bindings: readonly PortBinding[] },
): Promise<void> {
  const endpoint = outwardEndpoint(state, sandbox);
  if (endpoint === undefined || bindings.length === 0) return;
  await using undo = new Undo();
  const ports = await choose(ctx, state, { endpoint, bindings });
  undo.defer(async () => state.holds.release(ports));
  const { containerId, ipAddress, ipv6Address, networkId, driver } = endpoint;
  const byPlugins = driver === 'cni' ? { byPlugins: true } : {};
  const row: PortRow = { containerId, networkId, target: { ipAddress, ipv6Address }, ports, ...byPlugins };
  state.store.put(row);
  undo.defer(async () => state.store.delete(containerId));
  await failpoint('ports.publish.row');
  // Before they are there, since whoever puts all rules back puts those of the rows.
  state.rows.set(containerId, row);
  undo.defer(async () => {
    state.rows.delete(containerId);
    await takeOut(ctx, state, row);
  });
  await sendAll(
    state,
    translated([row]).map((each) => [addTranslations, each]),
  );
  await failpoint('ports.publish.rules');
  await allowLoopback(state, networkId);
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
  const { kept, missing } = await keepFitting(state, endpoint, { bindings, ports: before.ports });
  const dropped = before.ports.filter((port) => !kept.has(port));
  if (missing.length + dropped.length === 0) return;
  await using undo = new Undo();
  // First, since another binding may want the same port of the host.
  undo.defer(async () => holdAgain(ctx, state, { containerId, ports: dropped }));
  await letGo(state, dropped);
  const added = await choose(ctx, state, { endpoint, bindings: missing });
  undo.defer(async () => state.holds.release(added));
  const after: PortRow = { containerId, networkId, target, ports: [...kept, ...added] };
  state.store.put(after);
  undo.defer(async () => state.store.put(before));
  await failpoint('ports.change.row');
  state.rows.set(containerId, after);
  undo.defer(async () => {
    state.rows.set(containerId, before);
    restore(state);
  });
  await sendAll(state, [
    [deleteTranslations, { ...before, ports: dropped }],
    [addTranslations, { ...after, ports: added }],
  ]);
  await failpoint('ports.change.rules');
  await allowLoopback(state, networkId);
  undo.commit();
  forgetUntranslated(ctx, state, added);
}

/** Who has been sending datagrams to the port would be kept from the container by the kernel's memory of it. */
function forgetUntranslated(ctx: Ctx, { options }: State, ports: readonly PublishedPort[]): void {
  const udpPorts = ports.filter(({ protocol }) => protocol === 'udp').map(({ hostPort }) => hostPort);
  if (udpPorts.length > 0)
    void options.networks.forgetConnections(ctx.detached(), { addresses: [], udpPorts });
}

/** Lets what the host sends from its own loopback out on the bridge; chain `loopback` keeps everybody else from it. */
async function allowLoopback({ options }: State, networkId: string): Promise<void> {
  const bridge = options.networks.bridgeOf(networkId);
  if (bridge === undefined || !options.firewall) return;
  await writeFile(`/proc/sys/net/ipv4/conf/${bridge.bridgeName}/route_localnet`, '1');
}

async function withdraw(ctx: Ctx, state: State, containerId: string): Promise<void> {
  const row = state.rows.get(containerId);
  if (row === undefined) return;
  state.rows.delete(containerId);
  await takeOut(ctx, state, row);
  await failpoint('ports.withdraw.rules');
  await letGo(state, row.ports);
  state.store.delete(containerId);
}

async function letGo({ holds }: State, ports: readonly PublishedPort[]): Promise<void> {
  const breathe = pace();
  for (const port of ports) {
    holds.release([port]);
    await breathe();
  }
}

/** The row is not in the state any more. */
async function takeOut(ctx: Ctx, state: State, row: PortRow): Promise<void> {
  try {
    await sendAll(
      state,
      translated([row]).map((each) => [deleteTranslations, each]),
    );
  } catch (error) {
    // Somebody took them out, or they never got in.
    ctx.log.warn('Cannot withdraw ports from the firewall', { container: row.containerId, error });
    restore(state);
  }
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
  const breathe = pace();
  const translations: NetlinkRequest[] = [];
  for (const row of inTurns([...state.rows.values()])) {
    translations.push(...addTranslations(state.table, translated([row])));
    await breathe();
  }
  putAll(state, translations);
  if (state.admission === undefined) removeAdmission(bridgeName);
  for (const row of inTurns([...state.rows.values()])) {
    holdAgain(ctx, state, row);
    await breathe();
  }
  for (const { networkId } of state.rows.values()) await allowLoopback(state, networkId);
  if (!firewall) return;
  state.ruleWatch ??= watchRules(ctx, {
    table: state.table,
    chains: () => [{ family: 'inet', names: LASTING_CHAINS }, ...networks.chains()],
    restore: () => restore(state),
    foreignChains: () => foreignChains(state.table),
  });
}

/** Those that are no plugin's. */
const translated = (rows: readonly PortRow[]): PortRow[] =>
  rows.filter(({ byPlugins }) => byPlugins !== true);

/** Chains, maps, and every translation, in one transaction, whatever was there. */
const putAll = (state: State, translations: readonly NetlinkRequest[]): void =>
  send(state, [
    ...skeleton(state.table, state.admission),
    ...copyingTables(state.table, state.admission),
    ...flushTranslations(state.table),
    ...translations,
  ]);

/** With the networks' rules, which theirs refer to. */
function restore(state: State): void {
  state.options.networks.restoreRules();
  putAll(state, addTranslations(state.table, translated([...state.rows.values()])));
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
