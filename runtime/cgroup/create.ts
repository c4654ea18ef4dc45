import { Label, type PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, LOCK_EX, O_CLOEXEC, O_DIRECTORY, O_RDONLY, O_WRONLY } from '../plan/constants.ts';
import { writeFile } from '../plan/paths.ts';
import type { Slot } from '../plan/types.ts';
import type { CgroupPlace } from './contract.ts';
import { hierarchyOf, isUnified, type CgroupLayout } from './layout.ts';
import { levelsOf } from './path.ts';

/** Makes the container's directory in every hierarchy, and what is missing above it. */
export function createCgroups(plan: PlanBuilder, layout: CgroupLayout, path: string): void {
  const cpuset = hierarchyOf(layout, 'cpuset');
  for (const hierarchy of layout.hierarchies) {
    if (hierarchy === cpuset) createCpuset(plan, hierarchy.mountPoint, path);
    else makeLevels(plan, hierarchy.mountPoint, path);
  }
  if (layout.unified === undefined) return;
  makeLevels(plan, layout.unified, path);
  if (isUnified(layout)) enableControllers(plan, { layout, path }, layout.unifiedControllers ?? []);
}

/**
 * Lets each level above the container hand these version 2 controllers down. What can't be is passed over, as with runc: a limit
 * that is then missing fails on its own.
 */
export function enableControllers(
  plan: PlanBuilder,
  { layout, path }: CgroupPlace,
  controllers: readonly string[],
): void {
  const { unified, unifiedControllers = [] } = layout;
  const wanted = controllers.filter((name) => unifiedControllers.includes(name)).map((name) => `+${name}`);
  if (unified === undefined || wanted.length === 0) return;
  for (const level of ['', ...levelsOf(path).slice(0, -1)]) {
    const file = `${unified}${level}/cgroup.subtree_control`;
    const label = `enable controllers in "${file}"`;
    const [done, oneByOne] = [new Label(), new Label()];
    const fd = plan.call(label, 'openat', [AT_FDCWD, file, O_WRONLY | O_CLOEXEC, 0], {
      save: true,
      ignore: REFUSALS,
      onIgnored: done,
    });
    const all = wanted.join(' ');
    const written = new Label();
    plan.call(label, 'write', [fd, all, all.length], {
      ignore: REFUSALS,
      onOk: written,
      onIgnored: oneByOne,
    });
    plan.here(oneByOne);
    for (const text of wanted) plan.call(label, 'write', [fd, text, text.length], { ignore: REFUSALS });
    plan.here(written);
    plan.close(fd);
    plan.here(done);
  }
}

/** A level with processes of its own, a read-only mount, a controller that is not handed down to here. */
const REFUSALS = ['EBUSY', 'EACCES', 'EPERM', 'EROFS', 'ENOENT', 'EINVAL', 'EOPNOTSUPP'];

function makeLevels(plan: PlanBuilder, mountPoint: string, path: string): void {
  for (const level of levelsOf(path)) makeDirectory(plan, `${mountPoint}${level}`);
}

const makeDirectory = (plan: PlanBuilder, path: string): void =>
  void plan.call(`make cgroup "${path}"`, 'mkdirat', [AT_FDCWD, path, 0o755], { ignore: ['EEXIST'] });

/**
 * A new cpuset has no cpus and takes no process: each level that has none inherits its parent's, whoever made it. The levels above
 * the container are shared, so making one and filling it happens under a lock; what has cpus is left as its owner set it.
 */
function createCpuset(plan: PlanBuilder, mountPoint: string, path: string): void {
  let parent = mountPoint;
  const levels = levelsOf(path);
  levels.forEach((level, index) => {
    const directory = `${mountPoint}${level}`;
    const isLast = index === levels.length - 1;
    const lock = isLast ? undefined : lockDirectory(plan, parent);
    makeDirectory(plan, directory);
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const filled = new Label();
      if (!isLast) skipFilled(plan, `${directory}/${file}`, filled);
      copy(plan, `${parent}/${file}`, `${directory}/${file}`);
      plan.here(filled);
    }
    if (lock !== undefined) plan.close(lock);
    parent = directory;
  });
}

/** An empty list reads as a line without anything in it. */
function skipFilled(plan: PlanBuilder, path: string, filled: Label): void {
  const label = `look at "${path}"`;
  const offset = plan.bytes(new Uint8Array(8));
  const file = plan.call(label, 'openat', [AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0], { save: true });
  plan.call(label, 'read', [file, { kind: 'blob', offset }, 1]);
  plan.close(file);
  plan.expect(label, offset, { value: NEWLINE, mask: 0xff, onDifferent: filled });
}

const NEWLINE = 0x0a;

function lockDirectory(plan: PlanBuilder, path: string): Slot {
  const lock = plan.call(
    `open "${path}"`,
    'openat',
    [AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0],
    {
      save: true,
    },
  );
  plan.call(`lock "${path}"`, 'flock', [lock, LOCK_EX]);
  return lock;
}

/** The list of cpus of a large machine with every second one switched off is below this. */
const TEXT_BYTES = 4096;

function copy(plan: PlanBuilder, from: string, to: string): void {
  const text = { kind: 'blob', offset: plan.bytes(new Uint8Array(TEXT_BYTES)) } as const;
  const label = `copy "${from}" to "${to}"`;
  const source = plan.call(label, 'openat', [AT_FDCWD, from, O_RDONLY | O_CLOEXEC, 0], { save: true });
  const length = plan.call(label, 'read', [source, text, TEXT_BYTES], { save: true });
  plan.close(source);
  const target = plan.call(label, 'openat', [AT_FDCWD, to, O_WRONLY | O_CLOEXEC, 0], { save: true });
  plan.call(label, 'write', [target, text, length]);
  plan.close(target);
  plan.free(length);
}

/**
 * The child's own steps into its version 1 cgroups: a single-threaded process that writes "0" to `tasks` does not wait for an
 * RCU grace period, as one that writes a pid to `cgroup.procs` does (6-12 ms). Version 2 is entered by clone3.
 */
export function joinCgroups(plan: PlanBuilder, layout: CgroupLayout, path: string): void {
  for (const { mountPoint } of layout.hierarchies) {
    const tasks = `${mountPoint}${path}/tasks`;
    writeFile(plan, tasks, { text: '0', label: `join cgroup "${mountPoint}${path}"` });
  }
}
