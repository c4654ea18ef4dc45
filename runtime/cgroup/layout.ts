import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Where the host's cgroup hierarchies are mounted. Read once by `readCgroupLayout`; plain data, so that plans stay pure. */
export interface CgroupLayout {
  /** Version 1 hierarchies, `name=systemd` included. */
  readonly hierarchies: readonly Hierarchy[];
  /** Mount point of the version 2 hierarchy of a hybrid host (or of a pure v2 one). */
  readonly unified: string | undefined;
  /** What the root of the version 2 hierarchy has in `cgroup.controllers`; absent is none. */
  readonly unifiedControllers?: readonly string[];
  /** As `Hierarchy.root`. */
  readonly unifiedRoot?: string;
}

export interface Hierarchy {
  /** `/sys/fs/cgroup/cpu,cpuacct`. */
  readonly mountPoint: string;
  /** Controllers, or `name=systemd`. */
  readonly controllers: readonly string[];
  /** What the hierarchy is called where containers look for it, when that is not the last part of `mountPoint`. */
  readonly name?: string;
  /** Which part of the hierarchy is mounted there, when it is not all of it: in a container without a cgroup namespace. */
  readonly root?: string;
}

const CONTROLLER_OPTIONS =
  /^(?:rw|ro|seclabel|clone_children|xattr|noprefix|release_agent=.*|cpuset_v2_mode|favordynmods)$/;

/** Asks /proc for the mounts of this host, and the version 2 hierarchy for its controllers. */
export async function readCgroupLayout(): Promise<CgroupLayout> {
  const layout = parseCgroupLayout(await readFile('/proc/self/mountinfo', 'utf8'));
  return layout.unified === undefined
    ? layout
    : withControllers(layout, await readFile(`${layout.unified}/cgroup.controllers`, 'utf8'));
}

/** The same for a command, whom libuv's threads would cost more than the reading. */
export function readCgroupLayoutNow(): CgroupLayout {
  const layout = parseCgroupLayout(readFileSync('/proc/self/mountinfo', 'utf8'));
  return layout.unified === undefined
    ? layout
    : withControllers(layout, readFileSync(`${layout.unified}/cgroup.controllers`, 'utf8'));
}

const withControllers = (layout: CgroupLayout, text: string): CgroupLayout => ({
  ...layout,
  unifiedControllers: text.split(/\s+/).filter((name) => name !== ''),
});

/** Key of the version 2 hierarchy: no version 1 hierarchy is without controllers. */
const UNIFIED = '';

/**
 * From the text of /proc/self/mountinfo (man 5 proc_pid_mountinfo). Of several mounts of a hierarchy the first whole one counts;
 * without one, the first at all.
 */
export function parseCgroupLayout(mountinfo: string): CgroupLayout {
  const found = new Map<string, Hierarchy>();
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root = '', encoded = ''] = left.split(' ');
    const [type = '', , options = ''] = right.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const controllers =
      type === 'cgroup2' ? [] : options.split(',').filter((option) => !CONTROLLER_OPTIONS.test(option));
    const key = controllers.length === 0 ? UNIFIED : controllers.join(',');
    const known = found.get(key);
    if (known !== undefined && (known.root === undefined || root !== '/')) continue;
    found.set(key, {
      mountPoint: decode(encoded),
      controllers,
      ...(root === '/' ? {} : { root: decode(root) }),
    });
  }
  const unified = found.get(UNIFIED);
  found.delete(UNIFIED);
  return {
    hierarchies: [...found.values()],
    unified: unified?.mountPoint,
    ...(unified?.root === undefined ? {} : { unifiedRoot: unified.root }),
  };
}

/** Where a controller is mounted; undefined when the host lacks it in version 1. */
export const hierarchyOf = (layout: CgroupLayout, controller: string): Hierarchy | undefined =>
  layout.hierarchies.find(({ controllers }) => controllers.includes(controller));

/** Whether all of cgroups is version 2 here. */
export const isUnified = (layout: CgroupLayout): boolean =>
  layout.hierarchies.length === 0 && layout.unified !== undefined;

/** Where a resource is limited: in its version 1 hierarchy where there is one, else in the version 2 one if that has it. */
export function placeOf(
  layout: CgroupLayout,
  names: { readonly v1: string; readonly v2: string },
): { readonly version: 1 | 2; readonly mountPoint: string } | undefined {
  const hierarchy = hierarchyOf(layout, names.v1);
  if (hierarchy !== undefined) return { version: 1, mountPoint: hierarchy.mountPoint };
  if (layout.unified === undefined) return undefined;
  const has = layout.unifiedControllers?.includes(names.v2) === true;
  return has ? { version: 2, mountPoint: layout.unified } : undefined;
}

/** Every directory of one container's cgroup. */
export const cgroupDirectories = (layout: CgroupLayout, cgroupsPath: string): string[] =>
  [
    ...layout.hierarchies.map(({ mountPoint }) => mountPoint),
    ...(layout.unified === undefined ? [] : [layout.unified]),
  ].map((mountPoint) => `${mountPoint}${cgroupsPath}`);

const decode = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
