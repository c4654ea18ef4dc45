import { posix } from 'node:path';
import type { CgroupLayout } from '../cgroup/layout.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import { MOUNT_ATTR, MOVE_MOUNT_F_EMPTY_PATH } from '../plan/constants.ts';
import { ensureDirectory } from '../plan/paths.ts';
import type { Slot } from '../plan/types.ts';
import { attachMount, changeMount, cloneMount, newFileSystem } from './filesystem.ts';

/**
 * What a container sees at /sys/fs/cgroup: a tmpfs with its own cgroup of each hierarchy bound below it, all with the
 * attributes of the mount (read-only, CVE-2023-25809). A bind of the own directory is cheaper than a new mount of each
 * hierarchy, and shows the same.
 */
export function mountCgroups(
  plan: PlanBuilder,
  options: {
    readonly root: Slot;
    readonly cgroups: CgroupLayout;
    readonly cgroupsPath: string | undefined;
    readonly destination: string;
    /** MOUNT_ATTR_*. */
    readonly attributes: number;
  },
): void {
  const { root, cgroups, destination, attributes } = options;
  const path = options.cgroupsPath ?? '';
  const target = ensureDirectory(plan, root, destination);
  const label = `mount "cgroup" at "${destination}"`;
  if (cgroups.hierarchies.length === 0 && cgroups.unified !== undefined) {
    const source = cloneMount(plan, { path: `${cgroups.unified}${path}`, recursive: false, label });
    changeMount(plan, source, { label, set: attributes });
    attachMount(plan, source, { target, label });
    plan.close(source);
  } else {
    const top = newFileSystem(plan, {
      type: 'tmpfs',
      at: destination,
      source: 'cgroup',
      parameters: [['mode', '755']],
      attributes: attributes & ~MOUNT_ATTR.RDONLY,
    });
    attachMount(plan, top, { target, label });
    bindHierarchies(plan, top, { cgroups, path, label });
    changeMount(plan, top, { label, set: attributes, recursive: true });
    plan.close(top);
  }
  plan.close(target);
}

function bindHierarchies(
  plan: PlanBuilder,
  top: Slot,
  { cgroups, path, label }: { readonly cgroups: CgroupLayout; readonly path: string; readonly label: string },
): void {
  for (const { mountPoint, controllers } of cgroups.hierarchies) {
    const name = posix.basename(mountPoint);
    bindOne(plan, top, { name, source: `${mountPoint}${path}`, label });
    // Programs look for /sys/fs/cgroup/cpu where cpu and cpuacct are one hierarchy.
    for (const controller of controllers) {
      if (controller === name || controller.startsWith('name=') || controllers.length === 1) continue;
      plan.call(label, 'symlinkat', [name, top, controller], { ignore: ['EEXIST'] });
    }
  }
  if (cgroups.unified !== undefined) {
    bindOne(plan, top, { name: 'unified', source: `${cgroups.unified}${path}`, label });
  }
}

function bindOne(
  plan: PlanBuilder,
  top: Slot,
  { name, source, label }: { readonly name: string; readonly source: string; readonly label: string },
): void {
  const mount = cloneMount(plan, { path: source, recursive: false, label: `${label}: bind "${source}"` });
  plan.call(label, 'mkdirat', [top, name, 0o755]);
  plan.call(label, 'move_mount', [mount, '', top, name, MOVE_MOUNT_F_EMPTY_PATH]);
  plan.close(mount);
}
