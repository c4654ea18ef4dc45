import { randomInt } from 'node:crypto';
import type { NetlinkRequest } from '../../../native/netlink/connection.ts';
import { addBaseChain, addRule, addTable, batchBegin, batchEnd } from '../../../native/netlink/nftables.ts';
import { changePort } from '../../../native/netlink/nftables-port.ts';
import type { PlanBuilder } from '../../../runtime/plan/builder.ts';
import { openNetlink, sendNetlink } from '../../../runtime/plan/netlink.ts';
import type { Slot } from '../../../runtime/plan/types.ts';
import { RESOLVER_ADDRESS } from './outside.ts';

/**
 * Where a container asks for names, 127.0.0.11: sockets of its network namespace that its shim holds, so that questions wait in the kernel while
 * there is no daemon. They are not on port 53, which the container may want for itself: the kernel changes the port on the way.
 */
export const RESOLVER_BYTES = Uint8Array.of(127, 0, 0, 11);
const DNS_PORT = 53;

/**
 * Descriptors of the shim, free when its plan begins (native/c/monitor.h): the ends of a socket pair. What is sent into the one waits
 * at the other, and with it the two sockets (native/sys/kept-sockets.ts).
 */
export const KEEP_FD = 14;
export const KEPT_FD = 15;

const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const O_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const BACKLOG = 128;
const TABLE = { name: 'resolver', family: 'ip' } as const;
const DSTNAT = -100;
const SRCNAT = 100;

/** A port for both sockets. In a fresh namespace every one is free. */
export const resolverPort = (): number => randomInt(32_768, 61_000);

/** The container's side of 127.0.0.11:53. What is answered so late that the kernel forgot the question gets its port all the same. */
export function resolverRules(port: number): readonly NetlinkRequest[] {
  const to = { end: 'destination', address: RESOLVER_BYTES, from: DNS_PORT, to: port } as const;
  const back = { end: 'source', address: RESOLVER_BYTES, from: port, to: DNS_PORT } as const;
  const chain = (hook: 'output' | 'postrouting', priority: number): Buffer =>
    addBaseChain({ table: TABLE, name: hook, type: 'nat', hook, priority });
  const messages = [
    batchBegin(),
    addTable(TABLE),
    chain('output', DSTNAT),
    chain('postrouting', SRCNAT),
    addRule(TABLE, 'output', changePort({ ...to, protocol: 'udp' })),
    addRule(TABLE, 'output', changePort({ ...to, protocol: 'tcp' })),
    addRule(TABLE, 'postrouting', changePort({ ...back, protocol: 'udp' })),
    addRule(TABLE, 'postrouting', changePort({ ...back, protocol: 'tcp' })),
    batchEnd(),
  ];
  const action = `lead ${RESOLVER_ADDRESS}:${DNS_PORT} to port ${port}`;
  return messages.map((message) => ({ action, message }));
}

/** In the shim: a place for the sockets, also for those of a network that is joined later. */
export function keepPlace(plan: PlanBuilder): void {
  const action = 'make a place for the sockets of the DNS server';
  const pair = plan.bytes(new Uint8Array(8));
  plan.call(action, 'socketpair', [
    AF_UNIX,
    SOCK_SEQPACKET | SOCK_CLOEXEC,
    0,
    { kind: 'blob', offset: pair },
  ]);
  for (const [offset, number] of [
    [pair, KEEP_FD],
    [pair + 4, KEPT_FD],
  ] as const) {
    const end = plan.load(action, offset);
    plan.call(action, 'dup3', [end, number, O_CLOEXEC]);
    plan.close(end);
  }
}

/** In the container's fresh namespace, its loopback up: sockets, rules, and the sockets' copies for the shim. */
export function resolverSteps(plan: PlanBuilder): void {
  const port = resolverPort();
  const udp = bound(plan, 'udp', port);
  const tcp = bound(plan, 'tcp', port);
  plan.call(`listen at ${RESOLVER_ADDRESS}:${port}`, 'listen', [tcp, BACKLOG]);
  const action = `lead ${RESOLVER_ADDRESS}:${DNS_PORT} to port ${port}`;
  const netfilter = openNetlink(plan, 'open a netfilter socket in the network namespace', 'netfilter');
  const message = Buffer.concat(resolverRules(port).map((each) => each.message));
  sendNetlink(plan, netfilter, { action, message });
  plan.close(netfilter);
  handToShim(plan, [udp, tcp]);
  for (const each of [udp, tcp]) plan.close(each);
  for (const each of [KEEP_FD, KEPT_FD]) plan.call('close a descriptor', 'close', [each]);
}

function bound(plan: PlanBuilder, protocol: 'udp' | 'tcp', port: number): Slot {
  const type = (protocol === 'udp' ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
  const action = `open ${RESOLVER_ADDRESS}:${port}/${protocol}`;
  const socket = plan.call(action, 'socket', [AF_INET, type, 0], { save: true });
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  address.set(RESOLVER_BYTES, 4);
  plan.call(action, 'bind', [socket, address, address.byteLength]);
  return socket;
}

/** man 2 sendmsg: struct msghdr (56 bytes), one iovec, one cmsghdr with both descriptors. */
function handToShim(plan: PlanBuilder, sockets: readonly [Slot, Slot]): void {
  const action = 'hand the sockets of the DNS server over';
  const byte = plan.string('k');
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(1n, 8);
  const vectorAt = plan.bytes(vector);
  plan.relocate(vectorAt, byte);
  const control = Buffer.alloc(24);
  control.writeBigUInt64LE(24n, 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  const controlAt = plan.bytes(control);
  sockets.forEach((socket, index) => plan.store(action, socket, controlAt + 16 + 4 * index));
  const message = Buffer.alloc(56);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(24n, 40);
  const messageAt = plan.bytes(message);
  plan.relocate(messageAt + 16, vectorAt);
  plan.relocate(messageAt + 32, controlAt);
  plan.call(action, 'sendmsg', [KEEP_FD, { kind: 'blob', offset: messageAt }, 0]);
}
