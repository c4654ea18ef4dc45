import { createCgroups, joinCgroups } from './cgroup/create.ts';
import { limitCgroups } from './cgroup/limits.ts';
import { checkCgroupsPath } from './cgroup/path.ts';
import type { BuildLaunchPlan, LaunchRequest } from './contract.ts';
import { forkInto } from './fork.ts';
import { placeMonitor } from './monitor.ts';
import { joinOpened, namespaceFlags, namespacesOf, openJoined, type Namespaces } from './namespaces.ts';
import { PlanBuilder } from './plan/builder.ts';
import { CLONE_NEW } from './plan/constants.ts';
import { writeFile } from './plan/paths.ts';
import type { Slot } from './plan/types.ts';
import { becomeProcess } from './process/become.ts';
import { furnishRoot } from './rootfs/furnish.ts';
import { cloneSharedSources } from './rootfs/mounts.ts';
import { enterRoot, isolateMounts, mountRoot, spreadRoot } from './rootfs/root.ts';
import type { NamespaceType } from './spec.ts';

/**
 * The plan that launches a container. First the shim's own steps: cgroups, limits, fork. Then those of the child, in an order
 * that matters: cgroups are joined before the cgroup namespace is made; what is shared with the host is opened before the host
 * is left; every path of the container is resolved from a descriptor of its root; the host's root goes last.
 *
 * Throws `invalid-argument` or `not-implemented` for what the specification must not or can't have.
 */
export const buildLaunchPlan: BuildLaunchPlan = (request) => {
  const plan = new PlanBuilder();
  const namespaces = namespacesOf(request.spec);
  const cgroupsPath = prepareCgroups(plan, request);
  const joined = openJoined(plan, namespaces);
  const pidNamespace = joined.get('pid');
  if (pidNamespace !== undefined) plan.call('join the pid namespace', 'setns', [pidNamespace, CLONE_NEW.pid]);
  const flags = namespaces.fresh.has('pid') ? CLONE_NEW.pid : 0;
  const { pid, parent } = forkInto(plan, { flags, cgroups: request.cgroups, cgroupsPath });
  buildChild(plan, request, { namespaces, joined });
  parent();
  plan.end();
  placeMonitor(plan, request.monitor, pid);
  return plan.build();
};

/** Limits are written before anything runs in the cgroup. */
function prepareCgroups(plan: PlanBuilder, { spec, cgroups }: LaunchRequest): string | undefined {
  const { cgroupsPath, resources = {} } = spec.linux;
  if (cgroupsPath === undefined) return undefined;
  const path = checkCgroupsPath(cgroupsPath);
  createCgroups(plan, cgroups, path);
  limitCgroups(plan, { layout: cgroups, path, resources });
  return path;
}

function buildChild(
  plan: PlanBuilder,
  request: LaunchRequest,
  {
    namespaces,
    joined,
  }: { readonly namespaces: Namespaces; readonly joined: ReadonlyMap<NamespaceType, Slot> },
): void {
  const { spec, cgroups, rootfs, stagingDir, monitor, seccomp } = request;
  const { cgroupsPath, rootfsPropagation } = spec.linux;
  if (cgroupsPath !== undefined) joinCgroups(plan, cgroups, cgroupsPath);
  adjustOomScore(plan, spec.process.oomScoreAdj);
  const shared = cloneSharedSources(plan, spec.mounts);
  enterNamespaces(plan, request, { namespaces, joined });
  isolateMounts(plan);
  const root = mountRoot(plan, rootfs, stagingDir);
  const { cwd, terminal } = furnishRoot(plan, request, { root, shared, own: namespaces.own });
  enterRoot(plan, root);
  spreadRoot(plan, rootfsPropagation);
  nameHost(plan, request);
  becomeProcess(plan, { process: spec.process, monitor, seccomp, cwd, terminal });
}

/** Netlink sockets of the host's network namespace are opened before it is left. */
function enterNamespaces(
  plan: PlanBuilder,
  { network }: LaunchRequest,
  {
    namespaces,
    joined,
  }: { readonly namespaces: Namespaces; readonly joined: ReadonlyMap<NamespaceType, Slot> },
): void {
  const inside = network?.prepare(plan);
  joinOpened(plan, joined);
  const fresh = [...namespaces.fresh].filter((type) => type !== 'pid');
  plan.call(`make namespaces: ${fresh.join(', ')}`, 'unshare', [namespaceFlags(fresh)]);
  inside?.(plan);
}

/** Written to the host's procfs, before it is left. Lowering it takes CAP_SYS_RESOURCE, which a nested daemon lacks. */
export function adjustOomScore(plan: PlanBuilder, score: number | undefined): void {
  if (score === undefined) return;
  writeFile(plan, '/proc/self/oom_score_adj', { text: String(score), ignoreWrite: ['EACCES'] });
}

function nameHost(plan: PlanBuilder, { spec }: LaunchRequest): void {
  const { hostname = '', domainname = '' } = spec;
  if (hostname !== '')
    plan.call(`set hostname "${hostname}"`, 'sethostname', [hostname, Buffer.byteLength(hostname)]);
  if (domainname !== '') {
    plan.call(`set domainname "${domainname}"`, 'setdomainname', [domainname, Buffer.byteLength(domainname)]);
  }
}
