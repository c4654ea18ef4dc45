import type { Ctx } from '../../../common/ctx.ts';
import { messageOf } from '../../../common/errors.ts';
import { connectNetlink, type NetlinkConnection } from '../../../native/netlink/connection.ts';
import { attachToBridge, deleteLink, type Link } from '../../../native/netlink/link.ts';
import { addressOfLink, findBridge, listLinks, networksBeside } from './bridge.ts';
import type { LiveContainer } from './cni/contract.ts';
import { givenBy } from './cni/result.ts';
import { isWhole } from './cni/state.ts';
import { chooseBridgeAddress } from './choose-subnet.ts';
import { isCni } from './furnish.ts';
import { removeFirewall, tableName } from './firewall.ts';
import { poolsOf, subnetsOf } from './ipam.ts';
import { runJob } from './kernel-work.ts';
import { putConfinement, removeBridgeRules } from './confine.ts';
import { deviceJob, rulesJob } from './kernel-side.ts';
import { networkOf, type Network } from './network.ts';
import { claim, forget, putSandbox, type State } from './state.ts';
import { addressText, cidrText, parseCidr, subnetText, type Cidr } from './subnet.ts';
import { setSysctl } from './sysctl.ts';
import type { Endpoint } from './types.ts';

const HOST_INTERFACE = /^veth[0-9a-f]{7}$/;

/** Networks.reconcile. Synchronous where it speaks to the kernel: nothing else runs yet. */
export async function reconcile(
  ctx: Ctx,
  state: State,
  {
    live,
    pidOf,
  }: { readonly live: ReadonlySet<string>; readonly pidOf: (containerId: string) => number | undefined },
): Promise<void> {
  for (const containerId of state.sandboxes.keys()) if (!live.has(containerId)) forget(state, containerId);
  await state.netns.keepOnly(live);
  using route = connectNetlink('route');
  const before = settleDefaultBridge(ctx, state, route);
  for (const network of state.networks.values()) bringBack(ctx, state, [network, before]);
  const { config } = state.options;
  if (config.ipForward && (await setSysctl('net/ipv4/ip_forward', '1'))) {
    ctx.log.info('Switched IPv4 forwarding on for the whole host', { sysctl: 'net.ipv4.ip_forward' });
  }
  settleFirewall(state);
  settlePorts(ctx, state, route);
  settleConfinement(ctx, state);
  await settleCni(ctx, state, pidOf);
  for (const { endpoints } of state.sandboxes.values()) {
    for (const endpoint of endpoints) {
      const network = state.networks.get(endpoint.networkId);
      if (network !== undefined) claim(network, endpoint);
    }
  }
  state.reconciled = true;
}

/** Chooses the address of the default bridge; returns the one of before. */
function settleDefaultBridge(ctx: Ctx, state: State, route: NetlinkConnection): Cidr | undefined {
  const network = [...state.networks.values()].find(({ isDefaultBridge }) => isDefaultBridge);
  if (network === undefined) return undefined;
  const { config } = state.options;
  const [row] = network.view.ipam;
  const before =
    row?.gateway === undefined ? undefined : parseCidr(`${row.gateway}/${row.subnet?.split('/')[1] ?? ''}`);
  const bridge = findBridge(route, config.bridgeName);
  const others = [...state.networks.values()].filter((each) => each !== network).map(({ view }) => view);
  const at = chooseBridgeAddress({
    bip: config.bip,
    before,
    inUse: (state.members.get(network.view.id)?.size ?? 0) > 0,
    present: bridge === undefined ? undefined : addressOfLink(route, bridge.index),
    taken: [
      ...networksBeside(route, new Set(bridge === undefined ? [] : [bridge.index])),
      ...subnetsOf(others),
    ],
    pools: poolsOf(config.addressPools, network.view.id),
  });
  if (config.bip !== undefined && cidrText(parseCidr(config.bip)) !== cidrText(at)) {
    ctx.log.warn('The bridge keeps its address while containers live on it', {
      address: cidrText(at),
      bip: config.bip,
    });
  }
  const ipam = [
    { subnet: subnetText(at.subnet), ipRange: undefined, gateway: addressText(at.address), auxAddresses: {} },
  ];
  const view = { ...network.view, ipam };
  state.store.putNetwork(view);
  state.networks.set(view.id, networkOf(view));
  ctx.log.info('The default bridge is ready', { bridge: config.bridgeName, subnet: subnetText(at.subnet) });
  return before;
}

/** A network whose device can't be made is no reason not to start: its containers can't be. */
function bringBack(ctx: Ctx, state: State, [network, before]: readonly [Network, Cidr | undefined]): void {
  const job = deviceJob(state, network);
  if (job === undefined) return;
  if (network.isDefaultBridge) {
    network.linkIndex = runJob(job.kind === 'bridge' ? { ...job, device: { ...job.device, before } } : job);
    return;
  }
  try {
    network.linkIndex = runJob(job);
  } catch (error) {
    ctx.log.error('Cannot bring a network back', { network: network.view.name, error: messageOf(error) });
  }
}

/** An endpoint whose plugins did not come to their end never was. */
async function settleCni(
  ctx: Ctx,
  state: State,
  pidOf: (containerId: string) => number | undefined,
): Promise<void> {
  const live: LiveContainer[] = [];
  for (const sandbox of state.sandboxes.values()) {
    if (sandbox.kind !== 'own') continue;
    const { containerId } = sandbox;
    const attachments = state.cni.attachmentsOf(containerId).filter(isWhole);
    const endpoints = sandbox.endpoints.flatMap((endpoint) => {
      const result = attachments.find(({ networkId }) => networkId === endpoint.networkId)?.result;
      if (!isCni(endpoint)) return [endpoint];
      return result === undefined ? [] : [{ ...endpoint, ...givenBy(result, endpoint.interfaceName) }];
    });
    if (sandbox.endpoints.some(isCni)) putSandbox(state, { ...sandbox, endpoints });
    const networkIds = endpoints.filter(isCni).map(({ networkId }) => networkId);
    live.push({ containerId, networkIds, pid: pidOf(containerId) ?? 0 });
  }
  const networks = [...state.networks.values()].map(({ view }) => view);
  await state.cni.reconcile(ctx, { live, networks: networks.filter(({ driver }) => driver === 'cni') });
}

function settleFirewall(state: State): void {
  const job = rulesJob(state);
  if (job !== undefined) {
    runJob(job);
    return;
  }
  const table = tableName(state.options.config.bridgeName);
  using netfilter = connectNetlink('netfilter');
  removeFirewall(netfilter, table);
  removeBridgeRules(table);
}

/** After the ports: which of them there are. */
function settleConfinement(ctx: Ctx, state: State): void {
  if (state.options.config.firewall) {
    putConfinement(state);
    return;
  }
  for (const { containerId, egress } of state.sandboxes.values()) {
    if (egress !== undefined)
      ctx.log.error('No firewall rules are made: nothing holds a container to its egress list', {
        container: containerId,
      });
  }
}

/**
 * A veth of ours without a container goes, and a bridge without a network; a live container's that lost its bridge comes back; an
 * endpoint whose veth was not made yet, or is gone already, never was.
 */
function settlePorts(ctx: Ctx, state: State, route: NetlinkConnection): void {
  const links = listLinks(route);
  const names = new Set(links.map(({ name }) => name));
  const wanted = new Map<string, Endpoint>();
  for (const sandbox of [...state.sandboxes.values()]) {
    if (sandbox.kind === 'container') continue;
    const kept = sandbox.endpoints.filter(
      ({ hostInterface }) => hostInterface === '' || names.has(hostInterface),
    );
    if (kept.length < sandbox.endpoints.length) putSandbox(state, { ...sandbox, endpoints: kept });
    for (const endpoint of kept)
      if (endpoint.hostInterface !== '') wanted.set(endpoint.hostInterface, endpoint);
  }
  const own = new Set([...state.networks.values()].map(({ linkIndex }) => linkIndex));
  for (const link of links) settleLink(ctx, route, { link, own, wanted, state });
}

interface Situation {
  readonly link: Link;
  readonly own: ReadonlySet<number>;
  readonly wanted: ReadonlyMap<string, Endpoint>;
  readonly state: State;
}

function settleLink(ctx: Ctx, route: NetlinkConnection, { link, own, wanted, state }: Situation): void {
  const endpoint = wanted.get(link.name);
  const master = endpoint === undefined ? undefined : state.networks.get(endpoint.networkId)?.linkIndex;
  const isPort = link.kind === 'veth' && HOST_INTERFACE.test(link.name);
  const orphan = isPort && endpoint === undefined && link.master !== undefined && own.has(link.master);
  const astray = isPort && master !== undefined && link.master !== master;
  const request = orphan
    ? { action: `delete orphan "${link.name}"`, message: deleteLink(link.index), ignore: ['ENODEV'] }
    : { action: `attach "${link.name}" to its bridge`, message: attachToBridge(link.name, master ?? 0) };
  if (!orphan && !astray) return;
  try {
    route.execute(request);
    ctx.log.info('Repaired a port of a bridge', { interface: link.name, orphan });
  } catch (error) {
    ctx.log.warn('Cannot repair a port of a bridge', {
      interface: link.name,
      orphan,
      error: messageOf(error),
    });
  }
}
