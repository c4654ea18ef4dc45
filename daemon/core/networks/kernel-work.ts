import { internal, invalidArgument } from '../../../common/errors.ts';
import { connectNetlink, type NetlinkConnection } from '../../../native/netlink/connection.ts';
import {
  createOnParent,
  createVlan,
  deleteLink,
  IPVLAN_MODES,
  LOOPBACK_INDEX,
  raiseLink,
} from '../../../native/netlink/link.ts';
import { makeNetns, openNetns, setSysctlNow } from '../../../native/sys/netns.ts';
import { ensureBridge, listLinks } from './bridge.ts';
import { putFirewall } from './firewall.ts';
import { forgetConnectionsNow } from './stale-connections.ts';
import type { InsideJob, KernelJob } from './kernel-jobs.ts';

/**
 * The jobs themselves, synchronous: the kernel may make rtnetlink wait as long as it takes a namespace down, and a network
 * namespace is joined by a thread, so they run in a worker of their own. The daemon's start runs them directly.
 */
export function runJob(job: KernelJob): number {
  switch (job.kind) {
    case 'bridge':
      return withRoute((route) => {
        const index = ensureBridge(route, job.device);
        const conf = `/proc/sys/net/ipv6/conf/${job.device.name}`;
        // A container may send router advertisements: the host must not follow one.
        setSysctlNow(`${conf}/accept_ra`, '0');
        if (job.ipv6) setSysctlNow('/proc/sys/net/ipv6/conf/all/forwarding', '1');
        return index;
      });
    case 'delete-link':
      return withRoute((route) => {
        const link = listLinks(route).find(({ name }) => name === job.name);
        if (link !== undefined) {
          const action = `delete the link "${job.name}"`;
          route.execute({ action, message: deleteLink(link.index), ignore: ['ENODEV'] });
        }
        return 0;
      });
    case 'parent':
      return withRoute((route) => {
        const parentIndex = ensureParent(route, job.name);
        if (job.driver === 'ipvlan') checkIpvlan(route, parentIndex);
        return parentIndex;
      });
    case 'firewall': {
      using netfilter = connectNetlink('netfilter');
      putFirewall(netfilter, job.firewall);
      return 0;
    }
    case 'forget-connections':
      return forgetConnectionsNow(job);
    case 'make-netns':
      return makeNetns(() =>
        withRoute((route) => {
          route.execute({ action: 'raise "lo"', message: raiseLink(LOOPBACK_INDEX) });
        }),
      );
    case 'index-inside': {
      using netns = openNetns(job.netns);
      using inside = netns.within(() => connectNetlink('route'));
      return listLinks(inside).find(({ name }) => name === job.name)?.index ?? 0;
    }
    case 'inside':
      runInside(job);
      return 0;
  }
}

function withRoute<T>(use: (route: NetlinkConnection) => T): T {
  using route = connectNetlink('route');
  return use(route);
}

/** A kernel without ipvlan says so now, not at the first container's start. */
function checkIpvlan(route: NetlinkConnection, parentIndex: number): void {
  const name = `ipvl${process.pid}`;
  const link = {
    kind: 'ipvlan',
    name,
    index: 0,
    parentIndex,
    macAddress: '',
    mode: IPVLAN_MODES.l2,
  } as const;
  const action = 'make a device of the driver ipvlan (CONFIG_IPVLAN)';
  // Busy: the parent has macvlan devices, or ipvlan ones in another mode; the kernel knows the driver.
  const made = route.execute({
    action,
    message: createOnParent(link, process.pid),
    ignore: ['EBUSY', 'EINVAL'],
  });
  const probe = made ? listLinks(route).find((each) => each.name === name) : undefined;
  if (probe !== undefined) route.execute({ action: `delete "${name}"`, message: deleteLink(probe.index) });
}

/** The parent of a macvlan or ipvlan network; `eth0.50` is made of `eth0` when it is missing, as docker does. */
function ensureParent(route: NetlinkConnection, name: string): number {
  const find = (wanted: string): number | undefined =>
    listLinks(route).find((link) => link.name === wanted)?.index;
  const present = find(name);
  if (present !== undefined) return present;
  const [, base = '', vlan = ''] = /^(.+)\.(\d+)$/.exec(name) ?? [];
  const parentIndex = base === '' ? undefined : find(base);
  const id = Number(vlan);
  if (parentIndex === undefined)
    throw invalidArgument(`invalid parent interface name: "${name}" was not found on the host`);
  if (id < 1 || id > 4094) throw invalidArgument(`vlan id must be between 1-4094, received: ${vlan}`);
  route.execute({
    action: `create the sub-interface "${name}"`,
    message: createVlan({ name, parentIndex, id }),
    ignore: ['EEXIST'],
  });
  const made = find(name);
  if (made === undefined) throw internal(`Cannot create the sub-interface "${name}": it is gone again`);
  route.execute({ action: `raise "${name}"`, message: raiseLink(made) });
  return made;
}

/** Carries out the steps in order; the first that is refused ends it. */
function runInside({ pid, steps }: InsideJob): void {
  using netns = openNetns(`/proc/${pid}/ns/net`);
  using host = connectNetlink('route');
  using inside = netns.within(() => connectNetlink('route'));
  for (const step of steps) {
    if (step.at === 'sysctl') netns.within(() => setSysctlNow(step.path, step.value, step.isOptional));
    else (step.at === 'host' ? host : inside).execute(step);
  }
}
