import { invalidArgument } from '../../common/errors.ts';
import type { CgroupLayout } from '../cgroup/layout.ts';
import { Label, type PlanBuilder } from '../plan/builder.ts';
import { MS_SHARED, O_CLOEXEC, O_DIRECTORY, O_PATH, RESOLVE_NO_SYMLINKS } from '../plan/constants.ts';
import { cleanPath, ensureDirectory, makeDirectories, makeFile, openIn } from '../plan/paths.ts';
import type { Slot } from '../plan/types.ts';
import type { Mount } from '../spec.ts';
import { mountCgroups } from './cgroup-mount.ts';
import { attachMount, changeMount, cloneMount, newFileSystem } from './filesystem.ts';
import { parseMountOptions, type MountOptions } from './options.ts';

/** Descriptors of the mounts that later steps write into: of their own file system, whatever a path would lead to. */
export interface MountedAt {
  readonly proc: Slot | undefined;
  readonly dev: Slot | undefined;
  readonly devpts: Slot | undefined;
}

export interface MountContext {
  readonly root: Slot;
  readonly cgroups: CgroupLayout;
  readonly cgroupsPath: string | undefined;
  /** Clones made in the host's mount namespace, by index of the mount. */
  readonly shared: ReadonlyMap<number, Slot>;
}

interface ParsedMount {
  readonly mount: Mount;
  readonly destination: string;
  readonly options: MountOptions;
  readonly label: string;
}

const KEPT: Readonly<Record<string, keyof MountedAt>> = {
  'proc /proc': 'proc',
  'tmpfs /dev': 'dev',
  'devpts /dev/pts': 'devpts',
};

const isBind = (parsed: ParsedMount): boolean =>
  parsed.options.bind !== 'no' || parsed.mount.type === 'bind' || parsed.mount.type === 'rbind';

/**
 * Clones the sources of binds that share their mounts with the host, before the mount namespace is left: a clone made later
 * would be the host's slave.
 */
export function cloneSharedSources(plan: PlanBuilder, mounts: readonly Mount[]): ReadonlyMap<number, Slot> {
  const shared = new Map<number, Slot>();
  mounts.forEach((mount, index) => {
    const parsed = parse(mount);
    if (isBind(parsed) && parsed.options.propagation?.bits === MS_SHARED)
      shared.set(index, clone(plan, parsed));
  });
  return shared;
}

/** The mounts of the specification, in its order. Their targets are made where they are missing. */
export function mountAll(plan: PlanBuilder, mounts: readonly Mount[], context: MountContext): MountedAt {
  const kept: Record<keyof MountedAt, Slot | undefined> = {
    proc: undefined,
    dev: undefined,
    devpts: undefined,
  };
  mounts.forEach((mount, index) => {
    const parsed = parse(mount);
    if (isBind(parsed)) {
      bind(plan, { parsed, context, source: context.shared.get(index) });
    } else if (mount.type === 'cgroup' || mount.type === 'cgroup2') {
      const { set } = parsed.options;
      mountCgroups(plan, { ...context, destination: parsed.destination, attributes: set });
    } else {
      const mounted = fileSystem(plan, parsed, context);
      const keep = KEPT[`${mount.type} ${parsed.destination}`];
      if (keep === undefined) plan.close(mounted);
      else kept[keep] = mounted;
    }
  });
  return kept;
}

function parse(mount: Mount): ParsedMount {
  if (!mount.destination.startsWith('/')) {
    throw invalidArgument(`invalid mount destination "${mount.destination}": it must be absolute`);
  }
  const destination = cleanPath(mount.destination);
  if (destination === '/') throw invalidArgument('invalid mount destination: "/" is the root itself');
  const label = `mount "${mount.source ?? mount.type ?? 'none'}" at "${destination}"`;
  return { mount, destination, options: parseMountOptions(mount.options ?? []), label };
}

function fileSystem(
  plan: PlanBuilder,
  { mount, destination, options, label }: ParsedMount,
  context: MountContext,
): Slot {
  const type = mount.type ?? '';
  if (type === '') throw invalidArgument(`Cannot ${label}: the mount has no type`);
  const mounted = newFileSystem(plan, {
    type,
    at: destination,
    source: mount.source ?? type,
    parameters: options.data.map(parameter),
    attributes: options.set,
  });
  const target =
    type === 'proc' || type === 'sysfs'
      ? plainDirectory(plan, context.root, { destination, type })
      : ensureDirectory(plan, context.root, destination);
  attachMount(plan, mounted, { target, label });
  plan.close(target);
  spread(plan, mounted, { options, label });
  return mounted;
}

function parameter(option: string): readonly [string, string?] {
  const equals = option.indexOf('=');
  return equals < 0 ? [option] : [option.slice(0, equals), option.slice(equals + 1)];
}

/** /proc and /sys are never mounted through a symbolic link: what is written there later must be what it seems to be. */
function plainDirectory(
  plan: PlanBuilder,
  root: Slot,
  { destination, type }: { destination: string; type: string },
): Slot {
  const [link, plain] = [new Label(), new Label()];
  const made = ensureDirectory(plan, root, destination);
  plan.close(made);
  const target = openIn(plan, root, {
    path: destination,
    flags: O_PATH | O_DIRECTORY | O_CLOEXEC,
    resolve: RESOLVE_NO_SYMLINKS,
    ignore: ['ELOOP'],
    onOk: plain,
    onIgnored: link,
  });
  plan.here(link);
  plan.fail(`filesystem "${type}" must be mounted on ordinary directory`, 'ELOOP');
  plan.here(plain);
  return target;
}

const clone = (plan: PlanBuilder, { mount, options, label }: ParsedMount): Slot =>
  cloneMount(plan, {
    path: mount.source ?? '',
    recursive: options.bind === 'tree' || mount.type === 'rbind',
    label,
  });

function bind(
  plan: PlanBuilder,
  { parsed, context, source }: { parsed: ParsedMount; context: MountContext; source: Slot | undefined },
): void {
  const { mount, destination, options, label } = parsed;
  if (mount.source?.startsWith('/') !== true) {
    throw invalidArgument(`Cannot ${label}: the source of a bind mount must be absolute`);
  }
  const mounted = source ?? clone(plan, parsed);
  changeMount(plan, mounted, { label, set: options.set, clear: options.clear });
  changeMount(plan, mounted, { label, set: options.setAll, clear: options.clearAll, recursive: true });
  spread(plan, mounted, { options, label });
  const target = bindTarget(plan, context.root, { destination, mounted });
  attachMount(plan, mounted, { target, label });
  plan.close(target);
  plan.close(mounted);
}

/** A directory is bound onto a directory and a file onto a file; what is missing is made of the source's kind. */
function bindTarget(
  plan: PlanBuilder,
  root: Slot,
  { destination, mounted }: { destination: string; mounted: Slot },
): Slot {
  const [done, missing, isFile, isDirectory] = [new Label(), new Label(), new Label(), new Label()];
  const target = openIn(plan, root, {
    path: destination,
    flags: O_PATH | O_CLOEXEC,
    ignore: ['ENOENT'],
    onOk: done,
    onIgnored: missing,
  });
  plan.here(missing);
  const probe = plan.call(
    `look at the source of "${destination}"`,
    'openat',
    [mounted, '.', O_PATH | O_DIRECTORY | O_CLOEXEC],
    {
      save: true,
      ignore: ['ENOTDIR'],
      onOk: isDirectory,
      onIgnored: isFile,
    },
  );
  plan.here(isDirectory);
  plan.close(probe);
  makeDirectories(plan, { root, path: destination, into: target });
  plan.jump(done);
  plan.here(isFile);
  makeFile(plan, { root, path: destination, into: target });
  plan.here(done);
  return target;
}

function spread(
  plan: PlanBuilder,
  mounted: Slot,
  { options, label }: { options: MountOptions; label: string },
): void {
  if (options.propagation === undefined) return;
  const { bits, recursive } = options.propagation;
  changeMount(plan, mounted, { label, propagation: bits, recursive });
}
