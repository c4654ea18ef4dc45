import { invalidArgument } from '../../common/errors.ts';
import type { CgroupLayout } from '../cgroup/layout.ts';
import { Label, type CallOptions, type PlanBuilder } from '../plan/builder.ts';
import { F_DUPFD_CLOEXEC, MOUNT_ATTR, O_CLOEXEC, O_PATH } from '../plan/constants.ts';
import { ensureDirectory, openIn } from '../plan/paths.ts';
import type { Slot } from '../plan/types.ts';
import type { Mount, NamespaceType } from '../spec.ts';
import { mountCgroups } from './cgroup-mount.ts';
import {
  attachMount,
  changeFileSystem,
  changeMount,
  cloneMount,
  fitsParameters,
  mountByData,
  newFileSystem,
  type Parameter,
} from './filesystem.ts';
import { cloneSource, isBind, isMapped, parseMount, type ParsedMount } from './parse.ts';
import { mapIds, type Source } from './sources.ts';
import { bindTarget, guardProc, hiddenDirectory, plainDirectory } from './targets.ts';
import { expectProc } from './verify.ts';

/** Descriptors of the mounts that later steps write into: of their own file system, whatever a path would lead to. */
export interface MountedAt {
  readonly proc: Slot | undefined;
  readonly dev: Slot | undefined;
  readonly devpts: Slot | undefined;
  /** Mounts that become read-only when all is in them. */
  readonly late: readonly { readonly mount: Slot; readonly label: string }[];
}

export interface MountContext {
  readonly root: Slot;
  readonly cgroups: CgroupLayout;
  readonly cgroupsPath: string | undefined;
  /** Of `prepareSources`, by index of the mount. */
  readonly sources: ReadonlyMap<number, Source>;
  /** Kinds of namespaces that are not the host's. */
  readonly own: ReadonlySet<NamespaceType>;
  readonly mountLabel: string | undefined;
  /** Where the host has the container's root, if it is a directory there. */
  readonly rootPath: string | undefined;
}

type Kept = 'proc' | 'dev' | 'devpts';

const KEPT: Readonly<Record<string, Kept>> = {
  'proc /proc': 'proc',
  'tmpfs /dev': 'dev',
  'devpts /dev/pts': 'devpts',
};

/** Types that take no `context=`: they have labels of their own. */
const UNLABELLED: ReadonlySet<string> = new Set(['proc', 'sysfs', 'mqueue']);

/** The mounts of the specification, in its order. Their targets are made where they are missing. */
export function mountAll(plan: PlanBuilder, mounts: readonly Mount[], context: MountContext): MountedAt {
  const kept: Record<Kept, Slot | undefined> = { proc: undefined, dev: undefined, devpts: undefined };
  const late: MountedAt['late'][number][] = [];
  mounts.forEach((mount, index) => {
    const parsed = parseMount(mount);
    if (parsed.options.remount) {
      remount(plan, parsed, context);
    } else if (isBind(parsed)) {
      bind(plan, { parsed, context, source: context.sources.get(index) });
    } else if (mount.type === 'cgroup' || mount.type === 'cgroup2') {
      mountCgroups(plan, { parsed, context });
    } else {
      const mounted = fileSystem(plan, parsed, context);
      const keep = KEPT[`${mount.type} ${parsed.destination}`];
      const isLate = isReadonlyLater(parsed);
      if (isLate) late.push({ mount: mounted, label: `${parsed.label}: make it read-only` });
      if (keep !== undefined) kept[keep] = mounted;
      else if (!isLate) plan.close(mounted);
    }
  });
  const userNamespaces = new Set([...context.sources.values()].map(({ userNamespace }) => userNamespace));
  for (const slot of userNamespaces) if (slot !== undefined) plan.close(slot);
  return { ...kept, late };
}

/** Other mounts, and devices, are still to be made in it. */
const isReadonlyLater = ({ mount, options }: ParsedMount): boolean =>
  mount.type === 'tmpfs' && (options.set & MOUNT_ATTR.RDONLY) !== 0;

function fileSystem(plan: PlanBuilder, parsed: ParsedMount, context: MountContext): Slot {
  const { mount, destination, options, label } = parsed;
  const type = mount.type ?? '';
  if (type === '') throw invalidArgument(`Cannot ${label}: the mount has no type`);
  const parameters = parametersOf(parsed, context.mountLabel);
  const attributes = isReadonlyLater(parsed) ? options.set & ~MOUNT_ATTR.RDONLY : options.set;
  if (!fitsParameters(parameters)) return byData(plan, { parsed, context, parameters, attributes });
  const { target, more } = directoryFor(plan, parsed, context);
  const request = {
    type,
    at: destination,
    source: mount.source ?? type,
    parameters: [...more, ...parameters],
    attributes,
  };
  const mounted =
    type === 'sysfs' && context.own.has('user')
      ? sysfsOrHosts(plan, request, label)
      : newFileSystem(plan, request);
  guardProc(plan, target, parsed);
  if (options.copyUp && type === 'tmpfs') plan.copy(`${label}: copy what is there`, target, mounted);
  attachMount(plan, mounted, { target, label });
  plan.close(target);
  spread(plan, mounted, parsed);
  return mounted;
}

/** Where it goes, and what that says of the file system. */
function directoryFor(
  plan: PlanBuilder,
  { mount, destination: path, options, label }: ParsedMount,
  { root }: MountContext,
): { readonly target: Slot; readonly more: readonly Parameter[] } {
  if (mount.type === 'proc' || mount.type === 'sysfs')
    return {
      target: plainDirectory(plan, root, { path, label: `${label}: filesystem "${mount.type}"` }),
      more: [],
    };
  const hasMode = options.data.some((option) => option.startsWith('mode='));
  if (mount.type !== 'tmpfs' || hasMode) return { target: ensureDirectory(plan, root, path), more: [] };
  const { target, mode } = hiddenDirectory(plan, root, path);
  return { target, more: [['mode', mode]] };
}

/** A file system's own flags and data. A block device that can't be written needs a read-only file system, not only such a mount. */
function parametersOf(
  { mount, options }: ParsedMount,
  mountLabel: string | undefined,
): (readonly [string, string?])[] {
  const isReadonly = mount.source?.startsWith('/') === true && (options.set & MOUNT_ATTR.RDONLY) !== 0;
  const data = options.data.map(parameter);
  const isLabelled =
    mountLabel !== undefined &&
    mountLabel !== '' &&
    !UNLABELLED.has(mount.type ?? '') &&
    !data.some(([key]) => key === 'context');
  return [
    ...(isReadonly ? [['ro'] as const] : []),
    ...options.flags.map((flag) => [flag] as const),
    ...data,
    ...(isLabelled ? [['context', mountLabel] as const] : []),
  ];
}

function parameter(option: string): readonly [string, string?] {
  const equals = option.indexOf('=');
  return equals < 0 ? [option] : [option.slice(0, equals), option.slice(equals + 1)];
}

/** Layers of an overlay with long names. */
function byData(
  plan: PlanBuilder,
  {
    parsed,
    context,
    parameters,
    attributes,
  }: {
    readonly parsed: ParsedMount;
    readonly context: MountContext;
    readonly parameters: readonly (readonly [string, string?])[];
    readonly attributes: number;
  },
): Slot {
  const { mount, destination: path, label } = parsed;
  const type = mount.type ?? '';
  const target = ensureDirectory(plan, context.root, path);
  guardProc(plan, target, parsed);
  mountByData(plan, target, { type, source: mount.source ?? type, parameters, label });
  plan.close(target);
  const mounted = openIn(plan, context.root, { path, flags: O_PATH | O_CLOEXEC });
  changeMount(plan, mounted, { label, set: attributes });
  spread(plan, mounted, parsed);
  return mounted;
}

/** A sysfs shows the network namespace, and is refused to a user namespace that does not own that: then it is the host's. */
function sysfsOrHosts(plan: PlanBuilder, request: Parameters<typeof newFileSystem>[1], label: string): Slot {
  const [refused, done] = [new Label(), new Label()];
  const mounted = newFileSystem(plan, { ...request, onRefused: refused });
  plan.jump(done);
  plan.here(refused);
  cloneMount(plan, { path: '/sys', recursive: true, label, call: { into: mounted } });
  changeMount(plan, mounted, { label, set: request.attributes ?? 0, recursive: true });
  plan.here(done);
  return mounted;
}

function bind(
  plan: PlanBuilder,
  { parsed, context, source }: { parsed: ParsedMount; context: MountContext; source: Source | undefined },
): void {
  const { destination, options, label } = parsed;
  const mounted = openSource(plan, parsed, { context, source });
  if (destination === '/proc')
    expectProc(plan, mounted, `${label}: "/proc" cannot be mounted because it is not of type proc`);
  changeAttributes(plan, mounted, parsed);
  changeMount(plan, mounted, { label, set: options.setAll, clear: options.clearAll, recursive: true });
  spread(plan, mounted, parsed);
  const target = bindTarget(plan, context.root, { path: destination, mounted });
  guardProc(plan, target, parsed);
  attachMount(plan, mounted, { target, label });
  plan.close(target);
  plan.close(mounted);
}

/**
 * As runc does: without any word about attributes the bind has those of its source, and otherwise those that the words say, as with
 * `mount --bind -o`. Where some of the source's are locked, in a user namespace, these stay, unless a word would clear one: EPERM.
 */
function changeAttributes(plan: PlanBuilder, mounted: Slot, { options, label }: ParsedMount): void {
  const { set, clear, setsTimes } = options;
  if (set === 0 && clear === 0) return;
  const { RDONLY, NOSUID, NODEV, NOEXEC, NOSYMFOLLOW, ATIME, NODIRATIME } = MOUNT_ATTR;
  const times = setsTimes ? ATIME | (NODIRATIME & ~set) : 0;
  const others = RDONLY | NOSUID | NODEV | NOEXEC | NOSYMFOLLOW;
  const [locked, done] = [new Label(), new Label()];
  const change = (clearing: number, call: CallOptions): void =>
    changeMount(plan, mounted, { label, set, clear: clearing | times, call });
  change(others & ~set, { ignore: ['EPERM'], onOk: done, onIgnored: locked });
  plan.here(locked);
  // The kernel locks all of them but this.
  change((clear & others) | (NOSYMFOLLOW & ~set), {});
  plan.here(done);
}

/**
 * A clone made by the container keeps the attributes that the host has set, and what lies below it, locked against its own root (man 7
 * mount_namespaces), and sees what was mounted in its root before. Where the container can't have one, it is the parent's.
 */
function openSource(
  plan: PlanBuilder,
  parsed: ParsedMount,
  { context, source }: { readonly context: MountContext; readonly source: Source | undefined },
): Slot {
  const inside = pathInside(parsed, context.rootPath);
  if (inside !== undefined && !isMapped(parsed)) {
    const from = openIn(plan, context.root, { path: inside, flags: O_PATH | O_CLOEXEC, label: parsed.label });
    const own = cloneSource(plan, parsed, { dirfd: from });
    plan.close(from);
    return own;
  }
  if (source?.mount === undefined) {
    const own = cloneSource(plan, parsed);
    const userNamespace = source?.userNamespace;
    if (userNamespace !== undefined) mapIds(plan, own, { parsed, userNamespace });
    return own;
  }
  if (source.isBorrowed === true || isMapped(parsed)) return source.mount;
  const [refused, done] = [new Label(), new Label()];
  const mounted = cloneSource(plan, parsed, {
    call: { ignore: ['EACCES', 'EINVAL', 'EPERM'], onOk: done, onIgnored: refused },
  });
  plan.here(refused);
  plan.call(parsed.label, 'fcntl', [source.mount, F_DUPFD_CLOEXEC, 0], { into: mounted });
  plan.here(done);
  plan.call('close a descriptor', 'close', [source.mount], { ignore: ['EBADF'] });
  return mounted;
}

/** A source that the host would find in the container's root: other mounts may be there by now. */
function pathInside(
  { mount: { source = '' } }: ParsedMount,
  rootPath: string | undefined,
): string | undefined {
  const isBelow = rootPath !== undefined && rootPath !== '/' && source.startsWith(`${rootPath}/`);
  return isBelow ? source.slice(rootPath.length) : undefined;
}

/** With `bind`, of the mount alone; otherwise of the file system too, as mount(8). */
function remount(plan: PlanBuilder, parsed: ParsedMount, { root, mountLabel }: MountContext): void {
  const { destination, options, label } = parsed;
  const step = `re${label}`;
  const mounted = openIn(plan, root, { path: destination, flags: O_PATH | O_CLOEXEC, label: step });
  const { set, clear } = options;
  if (!isBind(parsed)) {
    const words: Parameter[] = [
      ...((set & MOUNT_ATTR.RDONLY) === 0 ? [] : [['ro'] as const]),
      ...((clear & MOUNT_ATTR.RDONLY) === 0 ? [] : [['rw'] as const]),
      ...parametersOf(parsed, mountLabel),
    ];
    if (words.length > 0) changeFileSystem(plan, mounted, { parameters: words, label: step });
  }
  changeMount(plan, mounted, { label: step, set, clear });
  changeMount(plan, mounted, {
    label: step,
    set: options.setAll,
    clear: options.clearAll,
    recursive: true,
  });
  spread(plan, mounted, parsed);
  plan.close(mounted);
}

function spread(plan: PlanBuilder, mounted: Slot, { options, label }: ParsedMount): void {
  for (const { bits, recursive } of options.propagation)
    changeMount(plan, mounted, { label, propagation: bits, recursive });
}
