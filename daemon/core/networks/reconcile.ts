import type { Ctx } from '../../../common/ctx.ts';
import { messageOf } from '../../../common/errors.ts';
import { connectNetlink, type NetlinkConnection } from '../../../native/netlink/connection.ts';
import { attachToBridge, deleteLink } from '../../../native/netlink/link.ts';
import { addressOfLink, ensureBridge, findBridge, listLinks, networksBeside } from './bridge.ts';
import { chooseBridgeAddress, type BridgeAddress } from './choose-subnet.ts';
import type { BridgeEndpoint, NetworksConfig } from './contract.ts';
import { putFirewall, removeFirewall } from './firewall.ts';
import { addressText, parseCidr } from './subnet.ts';
import { setSysctl } from './sysctl.ts';

/** What the kernel has for the default bridge. */
export interface BridgeState {
  readonly index: number;
  readonly at: BridgeAddress;
}

export interface BridgeRequest {
  readonly config: NetworksConfig;
  /** The bridge's address when the daemon ran last. */
  readonly before: BridgeAddress | undefined;
  /** Of running containers. */
  readonly live: readonly BridgeEndpoint[];
}

const HOST_INTERFACE = /^veth[0-9a-f]{7}$/;

/** Makes the kernel's side of the default bridge what it should be; idempotent. See Networks.reconcile. */
export async function reconcileBridge(ctx: Ctx, request: BridgeRequest): Promise<BridgeState> {
  using route = connectNetlink('route');
  const state = prepareBridge(ctx, route, request);
  await prepareForwarding(ctx, request.config);
  prepareFirewall(request.config, state);
  reconcilePorts(ctx, route, { bridgeIndex: state.index, live: request.live });
  return state;
}

function prepareBridge(ctx: Ctx, route: NetlinkConnection, request: BridgeRequest): BridgeState {
  const { config, before, live } = request;
  const bridge = findBridge(route, config.bridgeName);
  const at = chooseBridgeAddress({
    bip: config.bip,
    before,
    inUse: live.length > 0,
    present: bridge === undefined ? undefined : addressOfLink(route, bridge.index),
    taken: networksBeside(route, bridge?.index),
  });
  if (config.bip !== undefined && parseCidr(config.bip).address !== at.address) {
    ctx.log.warn('The bridge keeps its address while containers live on it', {
      address: addressText(at.address),
      bip: config.bip,
    });
  }
  return { at, index: ensureBridge(route, { name: config.bridgeName, mtu: config.mtu, at, before }) };
}

async function prepareForwarding(ctx: Ctx, config: NetworksConfig): Promise<void> {
  // A container may send router advertisements: the host must not follow one.
  await setSysctl(`net/ipv6/conf/${config.bridgeName}/accept_ra`, '0');
  if (config.ipForward && (await setSysctl('net/ipv4/ip_forward', '1'))) {
    ctx.log.info('Switched IPv4 forwarding on for the whole host', { sysctl: 'net.ipv4.ip_forward' });
  }
}

function prepareFirewall(config: NetworksConfig, { at }: BridgeState): void {
  using netfilter = connectNetlink('netfilter');
  const { bridgeName, icc, ipMasq: masquerade } = config;
  if (config.firewall) putFirewall(netfilter, { bridgeName, subnet: at.subnet, masquerade, icc });
  else removeFirewall(netfilter, bridgeName);
}

interface Ports {
  readonly bridgeIndex: number;
  readonly live: readonly BridgeEndpoint[];
}

/** A veth of ours without a container goes; a live container's that lost its bridge comes back. */
function reconcilePorts(ctx: Ctx, route: NetlinkConnection, { bridgeIndex, live }: Ports): void {
  const wanted = new Set(live.map(({ hostInterface }) => hostInterface));
  for (const link of listLinks(route).filter(
    ({ kind, name }) => kind === 'veth' && HOST_INTERFACE.test(name),
  )) {
    const orphan = link.master === bridgeIndex && !wanted.has(link.name);
    const astray = link.master !== bridgeIndex && wanted.has(link.name);
    if (!orphan && !astray) continue;
    const request = orphan
      ? { action: `delete orphan "${link.name}"`, message: deleteLink(link.index), ignore: ['ENODEV'] }
      : { action: `attach "${link.name}" to its bridge`, message: attachToBridge(link.name, bridgeIndex) };
    try {
      route.execute(request);
      ctx.log.info('Repaired a port of the bridge', { interface: link.name, orphan });
    } catch (error) {
      ctx.log.warn('Cannot repair a port of the bridge', {
        interface: link.name,
        orphan,
        error: messageOf(error),
      });
    }
  }
}
