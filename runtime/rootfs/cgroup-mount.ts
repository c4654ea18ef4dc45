import { posix } from 'node:path';
import { isUnified, type CgroupLayout, type Hierarchy } from '../cgroup/layout.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import { MOUNT_ATTR, MOVE_MOUNT_F_EMPTY_PATH } from '../plan/constants.ts';
import { ensureDirectory } from '../plan/paths.ts';
import type { Slot } from '../plan/types.ts';
import { attachMount, changeMount, cloneMount, newFileSystem, type Parameter } from './filesystem.ts';
import type { ParsedMount } from './parse.ts';
import { guardProc } from './targets.ts';

interface CgroupContext {
  readonly root: Slot;
  readonly cgroups: CgroupLayout;
  readonly cgroupsPath: string | undefined;
  readonly own: ReadonlySet<string>;
}

/**
 * What a container sees at /sys/fs/cgroup, all with the attributes of the mount (read-only, CVE-2023-25809). Version 2: the own
 * cgroup with a cgroup namespace, otherwise the whole hierarchy. Version 1: a tmpfs with the own cgroup of each hierarchy bound below.
 * A bind of the own directory is cheaper than a new mount of each hierarchy, and shows the same; where the own cgroup is not known, a
 * new mount in the cgroup namespace finds it.
 */
export function mountCgroups(
  plan: PlanBuilder,
  { parsed, context }: { readonly parsed: ParsedMount; readonly context: CgroupContext },
): void {
  const { mount, destination, options } = parsed;
  const label = `mount "cgroup" at "${destination}"`;
  const { cgroups, own } = context;
  const target = ensureDirectory(plan, context.root, destination);
  guardProc(plan, target, parsed);
  const isVersion2 = mount.type === 'cgroup2' || isUnified(cgroups);
  let mounted: Slot;
  if (isVersion2 && cgroups.unified !== undefined) {
    const path = own.has('cgroup') ? context.cgroupsPath : '';
    mounted = openHierarchy(plan, { hierarchy: cgroups.unified, path, own, label });
    changeMount(plan, mounted, { label, set: options.set, clear: options.clear });
    attachMount(plan, mounted, { target, label });
  } else {
    mounted = newFileSystem(plan, {
      type: 'tmpfs',
      at: destination,
      source: 'cgroup',
      parameters: [['mode', '755']],
      attributes: options.set & ~MOUNT_ATTR.RDONLY,
    });
    attachMount(plan, mounted, { target, label });
    bindHierarchies(plan, mounted, { context, label });
    changeMount(plan, mounted, { label, set: options.set, recursive: true });
  }
  for (const { bits, recursive } of options.propagation)
    changeMount(plan, mounted, { label, propagation: bits, recursive });
  plan.close(mounted);
  plan.close(target);
}

function bindHierarchies(
  plan: PlanBuilder,
  top: Slot,
  { context, label }: { readonly context: CgroupContext; readonly label: string },
): void {
  const { cgroups, cgroupsPath: path, own } = context;
  for (const hierarchy of cgroups.hierarchies) {
    const { mountPoint, controllers } = hierarchy;
    const name = hierarchy.name ?? posix.basename(mountPoint);
    place(plan, top, { name, mount: openHierarchy(plan, { hierarchy, path, own, label }), label });
    // Programs look for /sys/fs/cgroup/cpu where cpu and cpuacct are one hierarchy.
    for (const controller of controllers) {
      if (controller === name || controller.startsWith('name=') || controllers.length === 1) continue;
      plan.call(label, 'symlinkat', [name, top, controller], { ignore: ['EEXIST'] });
    }
  }
  if (cgroups.unified !== undefined) {
    const mount = openHierarchy(plan, { hierarchy: cgroups.unified, path, own, label });
    place(plan, top, { name: 'unified', mount, label });
  }
}

/** The container's cgroup of a hierarchy: version 2 by its mount point. */
function openHierarchy(
  plan: PlanBuilder,
  options: {
    readonly hierarchy: Hierarchy | string;
    readonly path: string | undefined;
    readonly own: ReadonlySet<string>;
    readonly label: string;
  },
): Slot {
  const { hierarchy, path, own, label } = options;
  const mountPoint = typeof hierarchy === 'string' ? hierarchy : hierarchy.mountPoint;
  if (path === undefined && own.has('cgroup')) {
    if (typeof hierarchy === 'string') return newFileSystem(plan, { type: 'cgroup2', at: mountPoint });
    const parameters = hierarchy.controllers.flatMap((controller): Parameter[] =>
      controller.startsWith('name=') ? [['none'], ['name', controller.slice(5)]] : [[controller]],
    );
    return newFileSystem(plan, { type: 'cgroup', at: mountPoint, source: 'cgroup', parameters });
  }
  const source = `${mountPoint}${path ?? ''}`;
  return cloneMount(plan, { path: source, recursive: false, label: `${label}: bind "${source}"` });
}

function place(
  plan: PlanBuilder,
  top: Slot,
  { name, mount, label }: { readonly name: string; readonly mount: Slot; readonly label: string },
): void {
  plan.call(label, 'mkdirat', [top, name, 0o755]);
  plan.call(label, 'move_mount', [mount, '', top, name, MOVE_MOUNT_F_EMPTY_PATH]);
  plan.close(mount);
}
