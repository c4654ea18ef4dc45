import { addAddress } from '../../../native/netlink/address.ts';
import {
  attachToBridge,
  createVethPair,
  isolatePort,
  LOOPBACK_INDEX,
  raiseLink,
  syncLink,
  VETH_PID_OFFSET,
} from '../../../native/netlink/link.ts';
import { addDefaultRoute } from '../../../native/netlink/route.ts';
import { MSG_DONTWAIT } from '../../../native/sys/socket.ts';
import type { NetworkSteps } from '../../../runtime/contract.ts';
import { Label, type PlanBuilder } from '../../../runtime/plan/builder.ts';
import { openNetlink, REPLY_BYTES, sendNetlink, sendPlaced } from '../../../runtime/plan/netlink.ts';
import type { Slot } from '../../../runtime/plan/types.ts';
import type { BridgeEndpoint } from './contract.ts';

/** The steps that furnish a fresh network namespace (runtime/plan/netlink.ts). Pure. */
export interface BridgePort {
  readonly bridgeIndex: number;
  readonly mtu: number;
  /** Keeps it from reaching other ports that are isolated as well: `icc` false. */
  readonly isolated: boolean;
}

const INTERFACE = 'eth0';
/** Above what the kernel itself puts into a new namespace (fallback devices of up to nine kinds of tunnel). */
const INTERFACE_INDEX = 16;
const O_WRONLY_CLOEXEC = 0o2000001;

/** One container on the bridge: `eth0` with its address, and a default route. */
export const bridgeSteps = (endpoint: BridgeEndpoint, port: BridgePort): NetworkSteps => ({
  prepare: (plan) => {
    const host = openNetlink(plan, "open a netlink socket in the host's network namespace");
    return (inside) => {
      createPair(inside, host, { endpoint, port });
      // Before the other end gives it a carrier: no link-local address appears, and no router advertisement is believed.
      disableIpv6(inside);
      attach(inside, host, { endpoint, port });
      configure(inside, endpoint);
    };
  },
});

/** `--network none`. */
export const isolatedSteps: NetworkSteps = { prepare: () => (plan) => void raiseLoopback(plan) };

interface Attachment {
  readonly endpoint: BridgeEndpoint;
  readonly port: BridgePort;
}

function createPair(plan: PlanBuilder, host: Slot, { endpoint, port }: Attachment): void {
  const peer = { name: INTERFACE, index: INTERFACE_INDEX, macAddress: endpoint.macAddress };
  const message = createVethPair({ host: endpoint.hostInterface, peer, mtu: port.mtu });
  const offset = plan.bytes(message);
  const pid = plan.call('find out the own process id', 'getpid', [], { save: true });
  plan.store('name the new network namespace by the process id', pid, offset + VETH_PID_OFFSET);
  sendPlaced(plan, host, {
    action: `create the veth pair "${endpoint.hostInterface}" and "${INTERFACE}"`,
    offset,
    bytes: message.byteLength,
  });
}

function attach(plan: PlanBuilder, host: Slot, { endpoint, port }: Attachment): void {
  const name = endpoint.hostInterface;
  sendNetlink(plan, host, {
    action: `attach "${name}" to the bridge of "${endpoint.networkName}"`,
    message: attachToBridge(name, port.bridgeIndex),
  });
  if (port.isolated) {
    sendNetlink(plan, host, { action: `isolate bridge port "${name}"`, message: isolatePort(name) });
  }
  openPort(plan, host, name);
}

/** Without this the container's first packet may be lost, and a connection made at once takes the second that ARP waits. */
function openPort(plan: PlanBuilder, host: Slot, name: string): void {
  const action = `open bridge port "${name}"`;
  const message = syncLink(name);
  const answer = plan.bytes(new Uint8Array(REPLY_BYTES));
  const args = [plan.arg(message), message.byteLength, 0, 0, 0] as const;
  plan.call(action, 'sendto', [host, ...args]);
  plan.call(action, 'recvfrom', [host, { kind: 'blob', offset: answer }, REPLY_BYTES, MSG_DONTWAIT, 0, 0], {
    ignore: ['EAGAIN'],
  });
}

function configure(plan: PlanBuilder, endpoint: BridgeEndpoint): void {
  const { ipAddress: address, prefixLength, gateway } = endpoint;
  const socket = raiseLoopback(plan);
  sendNetlink(plan, socket, {
    action: `add address ${address}/${prefixLength} to "${INTERFACE}"`,
    message: addAddress({ linkIndex: INTERFACE_INDEX, address, prefixLength }),
  });
  sendNetlink(plan, socket, {
    action: `add the default route by ${gateway}`,
    message: addDefaultRoute(gateway),
  });
}

function raiseLoopback(plan: PlanBuilder): Slot {
  const socket = openNetlink(plan, "open a netlink socket in the container's network namespace");
  sendNetlink(plan, socket, { action: 'raise "lo"', message: raiseLink(LOOPBACK_INDEX) });
  return socket;
}

/** /proc/sys/net is that of the process that opens it. A kernel without IPv6 does not have the file. */
function disableIpv6(plan: PlanBuilder): void {
  const path = `/proc/sys/net/ipv6/conf/${INTERFACE}/disable_ipv6`;
  const without = new Label();
  const action = `disable IPv6 on "${INTERFACE}"`;
  const AT_FDCWD = -100;
  const file = plan.call(action, 'openat', [AT_FDCWD, path, O_WRONLY_CLOEXEC, 0], {
    save: true,
    ignore: ['ENOENT'],
    onIgnored: without,
  });
  plan.call(action, 'write', [file, '1', 1]);
  plan.call(action, 'close', [file]);
  plan.here(without);
}
