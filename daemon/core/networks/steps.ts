import { LOOPBACK_INDEX, raiseLink, VETH_PID_OFFSET } from '../../../native/netlink/link.ts';
import { MSG_DONTWAIT } from '../../../native/sys/socket.ts';
import type { NetworkSteps } from '../../../runtime/contract.ts';
import { Label, type PlanBuilder } from '../../../runtime/plan/builder.ts';
import { openNetlink, REPLY_BYTES, sendNetlink, sendPlaced } from '../../../runtime/plan/netlink.ts';
import type { Slot } from '../../../runtime/plan/types.ts';
import { isIpv6Switch, sysctlsOf, type Sysctl } from './endpoint-sysctls.ts';
import { addressSteps, chooseGateways, routeSteps } from './interface.ts';
import { attachment, creation, startToSend, type Port, type Step } from './port.ts';
import { keepPlace, resolverSteps } from './resolver.ts';
import type { Endpoint } from './types.ts';

/** The steps that furnish a fresh network namespace (runtime/plan/netlink.ts). Pure. */
const O_RDWR_CLOEXEC = 0o2000002;
const AT_FDCWD = -100;
/** What a device of the namespace begins with: `0`, `1`. */
const IPV6_DEFAULT = '/proc/sys/net/ipv6/conf/default/disable_ipv6';
const IPV6_DEFAULT_BYTES = 1;

interface Furnishing {
  readonly portOf: (endpoint: Endpoint) => Port;
  readonly hasResolver: boolean;
  /** Path of a network namespace that is there already. */
  readonly joins: string | undefined;
}

/** All interfaces of one container, eth0 first, and its default routes. */
export const endpointSteps = (
  all: readonly Endpoint[],
  { portOf, hasResolver, joins }: Furnishing,
): NetworkSteps => ({
  ...(joins === undefined ? {} : { joins }),
  stay: keepPlace,
  prepare: (plan) => {
    const host = openNetlink(plan, "open a netlink socket in the host's network namespace");
    return (inside) => {
      // What CNI's plugins made is in the namespace that is joined.
      const endpoints = all.filter(({ driver }) => driver !== 'cni');
      const pid = inside.call('find out the own process id', 'getpid', [], { save: true });
      for (const endpoint of endpoints) furnish(inside, { host, pid }, [endpoint, portOf(endpoint)]);
      const socket = raiseLoopback(inside);
      for (const { interfaceName } of endpoints) sendUnheard(inside, socket, startToSend(interfaceName));
      for (const step of endpoints.flatMap(addressSteps)) sendNetlink(inside, socket, step);
      for (const step of routeSteps(chooseGateways(all), { portOf, beside: joins !== undefined }))
        sendNetlink(inside, socket, step);
      if (hasResolver) resolverSteps(inside);
    };
  },
});

/** `--network none`. */
export const isolatedSteps: NetworkSteps = { prepare: () => (plan) => void raiseLoopback(plan) };

function furnish(
  plan: PlanBuilder,
  { host, pid }: { readonly host: Slot; readonly pid: Slot },
  [endpoint, port]: readonly [Endpoint, Port],
): void {
  const { action, message } = creation(endpoint, port);
  const offset = plan.bytes(message);
  plan.store('name the new network namespace by the process id', pid, offset + VETH_PID_OFFSET);
  const create = (): void => sendPlaced(plan, host, { action, offset, bytes: message.byteLength });
  const sysctls = sysctlsOf(endpoint);
  const born = port.kind === 'bridge' ? sysctls.find(isIpv6Switch) : undefined;
  if (born === undefined) create();
  else createWith(plan, born, create);
  // Before the other end gives it a carrier: no link-local address appears, and no router advertisement is believed.
  for (const sysctl of sysctls.filter((each) => each !== born)) setSysctl(plan, sysctl);
  for (const step of attachment(endpoint, port)) sendNetlink(plan, host, step);
  if (port.kind === 'bridge') sendUnheard(plan, host, startToSend(endpoint.hostInterface));
}

/** What the kernel answers is of no interest. */
function sendUnheard(plan: PlanBuilder, socket: Slot, { action, message }: Step): void {
  const answer = plan.bytes(new Uint8Array(REPLY_BYTES));
  const args = [plan.arg(message), message.byteLength, 0, 0, 0] as const;
  plan.call(action, 'sendto', [socket, ...args]);
  plan.call(action, 'recvfrom', [socket, { kind: 'blob', offset: answer }, REPLY_BYTES, MSG_DONTWAIT, 0, 0], {
    ignore: ['EAGAIN'],
  });
}

function raiseLoopback(plan: PlanBuilder): Slot {
  const socket = openNetlink(plan, "open a netlink socket in the container's network namespace");
  sendNetlink(plan, socket, { action: 'raise "lo"', message: raiseLink(LOOPBACK_INDEX) });
  return socket;
}

/**
 * A device begins with the namespace's default. To change that waits for nobody (Linux 6.9), while a device's own value is set under
 * rtnetlink's lock, for which the kernel has the caller ask again and again: many starts at once burn a processor with it.
 */
function createWith(plan: PlanBuilder, { action, value }: Sysctl, create: () => void): void {
  const before = { kind: 'blob', offset: plan.bytes(new Uint8Array(IPV6_DEFAULT_BYTES)) } as const;
  const sysctl = { path: IPV6_DEFAULT, isOptional: true };
  const reading = { ...sysctl, action: 'read whether devices have IPv6' };
  withSysctl(plan, reading, (file) => plan.call(reading.action, 'read', [file, before, IPV6_DEFAULT_BYTES]));
  setSysctl(plan, { ...sysctl, action, value });
  create();
  const restoring = { ...sysctl, action: 'give further devices what they had of IPv6' };
  withSysctl(plan, restoring, (file) =>
    plan.call(restoring.action, 'write', [file, before, IPV6_DEFAULT_BYTES]),
  );
}

const setSysctl = (plan: PlanBuilder, { value, ...sysctl }: Sysctl): void =>
  withSysctl(plan, sysctl, (file) =>
    plan.call(sysctl.action, 'write', [file, value, Buffer.byteLength(value)]),
  );

/** /proc/sys/net is that of the process that opens it. A kernel without IPv6 does not have its files. */
function withSysctl(
  plan: PlanBuilder,
  { action, path, isOptional }: Omit<Sysctl, 'value'>,
  use: (file: Slot) => unknown,
): void {
  const without = new Label();
  const file = plan.call(action, 'openat', [AT_FDCWD, path, O_RDWR_CLOEXEC, 0], {
    save: true,
    ...(isOptional ? { ignore: ['ENOENT'], onIgnored: without } : {}),
  });
  use(file);
  plan.close(file);
  plan.here(without);
}
