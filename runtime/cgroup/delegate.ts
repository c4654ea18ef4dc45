import type { PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../plan/constants.ts';
import type { IdMapping, Spec } from '../spec.ts';
import type { CgroupPlace } from './contract.ts';
import { isUnified } from './layout.ts';

/** /sys/kernel/cgroup/delegate, of the newest kernel: what its owner may write of a cgroup that was handed to it. */
const FILES = [
  'cgroup.procs',
  'cgroup.threads',
  'cgroup.subtree_control',
  'memory.oom.group',
  'memory.reclaim',
];

/**
 * Who on the host owns a container's cgroup: the container's user, where it sees its cgroup alone (a cgroup namespace of its own)
 * and may write to it (a mount that is not read-only). Undefined for nobody but root, as is every container without a user
 * namespace. The conditions are runc's.
 */
export function delegateOf(spec: Spec): number | undefined {
  const { namespaces, uidMappings } = spec.linux;
  const isOwn = (kind: string): boolean =>
    namespaces.some(({ type, path = '' }) => type === kind && path === '');
  const writable = spec.mounts.some(
    ({ type, options = [] }) => (type === 'cgroup' || type === 'cgroup2') && !options.includes('ro'),
  );
  if (!isOwn('cgroup') || !isOwn('user') || !writable) return undefined;
  return hostIdOf(spec.process.user.uid, uidMappings ?? []);
}

const hostIdOf = (id: number, mappings: readonly IdMapping[]): number | undefined => {
  const mapping = mappings.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return mapping === undefined ? undefined : mapping.hostID + (id - mapping.containerID);
};

/** Steps of the parent that hand a version 2 cgroup to a user of the host; on version 1, where that is not safe, none. */
export function delegateCgroup(plan: PlanBuilder, { layout, path }: CgroupPlace, uid: number): void {
  if (!isUnified(layout)) return;
  const directory = `${layout.unified}${path}`;
  for (const each of [directory, ...FILES.map((name) => `${directory}/${name}`)]) {
    plan.call(`give "${each}" to user ${uid}`, 'fchownat', [AT_FDCWD, each, uid, -1, AT_SYMLINK_NOFOLLOW], {
      ignore: each === directory ? [] : ['ENOENT'],
    });
  }
}
