import { invalidArgument } from '../../common/errors.ts';
import { Label, type CallOptions, type PlanBuilder, type Value } from '../plan/builder.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  FSPICK_CLOEXEC,
  FSPICK_EMPTY_PATH,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  O_CLOEXEC,
  OPEN_TREE_CLONE,
} from '../plan/constants.ts';
import { MOUNT_ATTR_BYTES, mountAttr } from '../plan/structs.ts';
import type { Arg, Slot } from '../plan/types.ts';

/** The steps of the new mount API (man 2 fsopen, fsconfig, fsmount, open_tree, mount_setattr, move_mount; Linux 5.2 to 5.12). */

/** The kernel copies at most so many bytes of an fsconfig value (fs/fsopen.c). */
const VALUE_BYTES = 255;

/** `[key, value]`, or `[key]` for a flag; a value that is known only when the plan runs is one in the blob. */
export type Parameter = readonly [string, (string | Arg)?];

export interface NewFileSystem {
  readonly type: string;
  /** Where it goes, for messages. */
  readonly at: string;
  readonly source?: string;
  /** In order. */
  readonly parameters?: readonly Parameter[];
  /** MOUNT_ATTR_*. */
  readonly attributes?: number;
  /** Where to go on when the kernel lets us have no such mount (EPERM); otherwise that is a failure. */
  readonly onRefused?: Label;
}

/** Makes a file system, mounted nowhere yet; the slot is a descriptor of its root. */
export function newFileSystem(plan: PlanBuilder, options: NewFileSystem): Slot {
  const { type, at, source, parameters = [], attributes = 0, onRefused } = options;
  const label = `mount "${source ?? type}" (${type}) at "${at}"`;
  const refused = new Label();
  const refusal = (to: Label): CallOptions =>
    onRefused === undefined ? {} : { ignore: ['EPERM'], onIgnored: to };
  const fs = plan.call(label, 'fsopen', [type, FSOPEN_CLOEXEC], {
    save: true,
    ...refusal(onRefused ?? refused),
  });
  if (source !== undefined) setParameter(plan, { fs, label, parameter: ['source', source] });
  for (const parameter of parameters) setParameter(plan, { fs, label, parameter });
  plan.call(label, 'fsconfig', [fs, FSCONFIG_CMD_CREATE, 0, 0, 0], refusal(refused));
  const mount = plan.call(label, 'fsmount', [fs, FSMOUNT_CLOEXEC, attributes], {
    save: true,
    ...refusal(refused),
  });
  plan.close(fs);
  if (onRefused !== undefined) {
    const done = new Label();
    plan.jump(done);
    plan.here(refused);
    plan.call('close a descriptor', 'close', [fs], { onOk: onRefused });
    plan.here(done);
  }
  return mount;
}

/** Whether fsconfig takes these. */
export const fitsParameters = (parameters: readonly Parameter[]): boolean =>
  parameters.every(([, value]) => typeof value !== 'string' || Buffer.byteLength(value) <= VALUE_BYTES);

/** Changes a file system that is mounted at a descriptor (man 2 fspick). */
export function changeFileSystem(
  plan: PlanBuilder,
  mounted: Slot,
  { parameters, label }: { readonly parameters: readonly Parameter[]; readonly label: string },
): void {
  const flags = FSPICK_CLOEXEC | FSPICK_EMPTY_PATH;
  const fs = plan.call(label, 'fspick', [mounted, '', flags], { save: true });
  for (const parameter of parameters) setParameter(plan, { fs, label, parameter });
  plan.call(label, 'fsconfig', [fs, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0]);
  plan.close(fs);
}

function setParameter(
  plan: PlanBuilder,
  { fs, label, parameter }: { readonly fs: Slot; readonly label: string; readonly parameter: Parameter },
): void {
  const [key, value] = parameter;
  const shown = typeof value === 'string' ? `=${value}` : '';
  if (!fitsParameters([parameter])) {
    throw invalidArgument(
      `Cannot ${label}: the value of ${key} is longer than ${VALUE_BYTES} bytes: ${shown.slice(1)}`,
    );
  }
  const step = `${label}, ${key}${shown}`;
  const command = value === undefined ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
  plan.call(step, 'fsconfig', [fs, command, key, value ?? 0, 0]);
}

/**
 * mount(2) onto the directory of a descriptor: for values that fsconfig does not take. It goes there, so that no path is looked up.
 */
export function mountByData(
  plan: PlanBuilder,
  target: Slot,
  mount: {
    readonly type: string;
    readonly source: string;
    readonly parameters: readonly (readonly [string, string?])[];
    readonly label: string;
  },
): void {
  const { type, source, parameters, label } = mount;
  const data = parameters.map(([key, value]) => (value === undefined ? key : `${key}=${value}`)).join(',');
  plan.call(label, 'fchdir', [target]);
  plan.call(label, 'mount', [source, '.', type, 0, data]);
  plan.call(label, 'chdir', ['/']);
}

/** Clones what is mounted at a path (or at the descriptor itself when `path` is empty); mounted nowhere yet. */
export function cloneMount(
  plan: PlanBuilder,
  from: {
    readonly dirfd?: Value;
    readonly path: string;
    readonly recursive: boolean;
    readonly label: string;
    readonly call?: CallOptions;
  },
): Slot {
  const flags =
    OPEN_TREE_CLONE |
    O_CLOEXEC |
    (from.path === '' ? AT_EMPTY_PATH : 0) |
    (from.recursive ? AT_RECURSIVE : 0);
  return plan.call(from.label, 'open_tree', [from.dirfd ?? AT_FDCWD, from.path, flags], {
    save: true,
    ...from.call,
  });
}

/** Puts the mount of one descriptor onto the file or directory of another. */
export function attachMount(plan: PlanBuilder, mount: Slot, { target, label }: MountTarget): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  plan.call(label, 'move_mount', [mount, '', target, '', flags]);
}

export interface MountTarget {
  readonly target: Value;
  readonly label: string;
}

/** Changes attributes or propagation of the mount that a descriptor is the root of. */
export function changeMount(
  plan: PlanBuilder,
  mount: Value,
  change: {
    readonly label: string;
    readonly set?: number;
    readonly clear?: number;
    readonly propagation?: number;
    readonly recursive?: boolean;
    readonly call?: CallOptions;
  },
): void {
  const { label, recursive = false, call = {}, ...attr } = change;
  if ((attr.set ?? 0) === 0 && (attr.clear ?? 0) === 0 && (attr.propagation ?? 0) === 0) return;
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  plan.call(label, 'mount_setattr', [mount, '', flags, mountAttr(attr), MOUNT_ATTR_BYTES], call);
}
