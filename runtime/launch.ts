import { notImplemented } from '../common/errors.ts';
import { LOOPBACK_INDEX, raiseLink } from '../native/netlink/link.ts';
import { createCgroups, joinCgroups } from './cgroup/create.ts';
import { delegateCgroup, delegateOf } from './cgroup/delegate.ts';
import { limitCgroups } from './cgroup/limits.ts';
import { checkCgroupsPath } from './cgroup/path.ts';
import type { BuildLaunchPlan, LaunchRequest } from './contract.ts';
import { forkInto } from './fork.ts';
import { handOverTo, meetAtRoot, openWait, readySteps, tellForked } from './keeper.ts';
import { placeMonitor } from './monitor.ts';
import {
  joinBeforeFork,
  joinNetwork,
  joinOpened,
  namespaceFlags,
  namespacesOf,
  openJoined,
  type Namespaces,
} from './namespaces.ts';
import { PlanBuilder } from './plan/builder.ts';
import { openProcSelf } from './plan/proc.ts';
import { openNetlink, sendNetlink } from './plan/netlink.ts';
import type { Slot } from './plan/types.ts';
import { becomeProcess } from './process/become.ts';
import { adjustOomScore } from './process/labels.ts';
import { raiseRlimits } from './process/rlimits.ts';
import { prepareBinds } from './rootfs/binds.ts';
import { furnishRoot } from './rootfs/furnish.ts';
import { enterRoot, enterRootWithoutPivot, isolateMounts, mountRoot, spreadRoot } from './rootfs/root.ts';
import { mountHostSide } from './rootfs/volumes.ts';
import { closeSources, prepareSources, type Source } from './rootfs/sources.ts';
import type { IdMapping, NamespaceType } from './spec.ts';
import { makeTimeNamespace } from './time-namespace.ts';
import { becomeRootInside, holdForMappings, type IdMappings } from './user-namespace.ts';

/** What the child has from its parent: descriptors that were opened with the host's privilege. */
interface Inherited {
  readonly namespaces: Namespaces;
  readonly joined: ReadonlyMap<NamespaceType, Slot>;
  /** Of mounts, by index. */
  readonly sources: ReadonlyMap<number, Source>;
  readonly cgroupsPath: string | undefined;
  readonly parentJoinsCgroups: boolean;
  /** In which `start` will be said. */
  readonly fifo: Slot | undefined;
}

/**
 * The plan that launches a container. First the steps of the parent (shim or launcher): cgroups, limits, what needs the host's
 * privilege, fork. Then those of the child, in an order that matters: cgroups are joined before the cgroup namespace is made; what
 * is shared with the host is opened before the host is left; every path of the container is resolved from a descriptor of its
 * root; the host's root goes last.
 *
 * Throws `invalid-argument` or `not-implemented` for what the specification must not or can't have.
 */
export const buildLaunchPlan: BuildLaunchPlan = (request) => {
  const { spec, keeper, cgroups } = request;
  const plan = new PlanBuilder();
  const namespaces = namespacesOf(spec);
  const inUserNamespace = namespaces.own.has('user');
  if (inUserNamespace && keeper.kind === 'shim')
    throw notImplemented('A user namespace is not supported for a container of the daemon');
  request.network?.stay?.(plan);
  prepareBinds(plan, request.bindSources ?? []);
  const cgroupsPath = prepareCgroups(plan, request);
  const joined = openJoined(plan, namespaces);
  const sources = prepareSources(plan, spec, request.borrowed);
  if (keeper.kind === 'runtime') {
    const own = openProcSelf(plan);
    adjustOomScore(plan, spec.process.oomScoreAdj, own);
    plan.close(own);
  }
  if (inUserNamespace) raiseRlimits(plan, spec.process.rlimits ?? []);
  if (inUserNamespace && cgroupsPath !== undefined) joinCgroups(plan, cgroups, cgroupsPath);
  if (namespaces.fresh.has('time')) makeTimeNamespace(plan, spec);
  const hold = namespaces.fresh.has('user') ? holdForMappings(plan) : undefined;
  const fifo = openWait(plan, keeper);
  joinBeforeFork(plan, joined);
  const born = (['pid', 'user'] as const).filter((type) => namespaces.fresh.has(type));
  const { pid, parent } = forkInto(plan, {
    flags: namespaceFlags(born),
    cgroups,
    cgroupsPath: namespaces.joined.has('user') ? undefined : cgroupsPath,
  });
  hold?.inChild(plan);
  buildChild(plan, request, {
    namespaces,
    joined,
    sources,
    cgroupsPath,
    parentJoinsCgroups: inUserNamespace,
    fifo,
  });
  parent();
  closeSources(plan, sources);
  hold?.inParent(plan, pid, mappingsOf(request));
  tellForked(plan, keeper, pid);
  plan.end();
  if (keeper.kind === 'shim') placeMonitor(plan, keeper.monitor, pid);
  return plan.build();
};

/** Without mappings every id is itself inside: the namespace still takes the host's privilege away. */
const IDENTITY: readonly IdMapping[] = [{ containerID: 0, hostID: 0, size: 2 ** 32 - 1 }];

function mappingsOf({ spec: { linux } }: LaunchRequest): IdMappings {
  const { uidMappings = [], gidMappings = [] } = linux;
  const hasNone = uidMappings.length + gidMappings.length === 0;
  return hasNone ? { uidMappings: IDENTITY, gidMappings: IDENTITY } : { uidMappings, gidMappings };
}

/** Limits are written before anything runs in the cgroup. */
function prepareCgroups(plan: PlanBuilder, { spec, cgroups }: LaunchRequest): string | undefined {
  const { cgroupsPath, resources = {} } = spec.linux;
  if (cgroupsPath === undefined) return undefined;
  const path = checkCgroupsPath(cgroupsPath);
  createCgroups(plan, cgroups, path);
  limitCgroups(plan, { layout: cgroups, path, resources });
  const owner = delegateOf(spec);
  if (owner !== undefined) delegateCgroup(plan, { layout: cgroups, path }, owner);
  return path;
}

function buildChild(plan: PlanBuilder, request: LaunchRequest, inherited: Inherited): void {
  const {
    id,
    spec,
    cgroups,
    rootfs,
    stagingDir,
    keeper,
    seccomp,
    noNewKeyring = false,
    holdsSignals = false,
    noPivot = false,
  } = request;
  const { namespaces, cgroupsPath, sources } = inherited;
  const hasUserNamespace = namespaces.own.has('user');
  const handOver = handOverTo(keeper);
  if (cgroupsPath !== undefined && !inherited.parentJoinsCgroups) joinCgroups(plan, cgroups, cgroupsPath);
  const procSelf = openProcSelf(plan);
  if (keeper.kind === 'shim') adjustOomScore(plan, spec.process.oomScoreAdj, procSelf);
  const beforeExec = readySteps(keeper, inherited.fifo);
  if (hasUserNamespace) becomeRootInside(plan);
  enterNamespaces(plan, request, inherited);
  const propagation = spec.linux.rootfsPropagation;
  isolateMounts(plan, { propagation, stagingDir });
  mountHostSide(plan, request.hostSide ?? []);
  const root = mountRoot(plan, rootfs, stagingDir);
  const { cwd, terminal } = furnishRoot(plan, request, { root, sources, own: namespaces.own, handOver });
  meetAtRoot(plan, keeper);
  if (noPivot) enterRootWithoutPivot(plan, root);
  else enterRoot(plan, root, propagation);
  spreadRoot(plan, propagation);
  nameHost(plan, request);
  becomeProcess(plan, {
    id,
    process: spec.process,
    linux: spec.linux,
    isFirst: true,
    keeper,
    seccomp,
    cwd,
    terminal,
    procSelf,
    handOver,
    beforeExec,
    noNewKeyring,
    holdsSignals,
    hasUserNamespace,
  });
}

/** Netlink sockets of the host's network namespace are opened before it is left. */
function enterNamespaces(
  plan: PlanBuilder,
  { network }: LaunchRequest,
  { namespaces, joined }: Inherited,
): void {
  const inside = network?.prepare(plan);
  joinOpened(plan, joined);
  if (network?.joins !== undefined) joinNetwork(plan, network.joins);
  const made: readonly NamespaceType[] = [
    ...(['pid', 'user', 'time'] as const),
    ...(network?.joins === undefined ? [] : (['network'] as const)),
  ];
  const fresh = [...namespaces.fresh].filter((type) => !made.includes(type));
  if (fresh.length > 0) plan.call(`make namespaces: ${fresh.join(', ')}`, 'unshare', [namespaceFlags(fresh)]);
  if (inside !== undefined) inside(plan);
  else if (namespaces.fresh.has('network')) raiseLoopback(plan);
}

/** What every network namespace that a runtime makes has up, as runc's has. */
export function raiseLoopback(plan: PlanBuilder): void {
  const socket = openNetlink(plan, 'open a netlink socket of the container');
  sendNetlink(plan, socket, { action: 'raise "lo"', message: raiseLink(LOOPBACK_INDEX) });
  plan.close(socket);
}

function nameHost(plan: PlanBuilder, { spec }: LaunchRequest): void {
  const { hostname = '', domainname = '' } = spec;
  if (hostname !== '')
    plan.call(`set hostname "${hostname}"`, 'sethostname', [hostname, Buffer.byteLength(hostname)]);
  if (domainname !== '') {
    plan.call(`set domainname "${domainname}"`, 'setdomainname', [domainname, Buffer.byteLength(domainname)]);
  }
}
