import { invalidArgument } from '../../common/errors.ts';
import type { PlanBuilder, Value } from '../plan/builder.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  O_CLOEXEC,
  OPEN_TREE_CLONE,
} from '../plan/constants.ts';
import { MOUNT_ATTR_BYTES, mountAttr } from '../plan/structs.ts';
import type { Slot } from '../plan/types.ts';

/** The steps of the new mount API (man 2 fsopen, fsconfig, fsmount, open_tree, mount_setattr, move_mount; Linux 5.2 to 5.12). */

/** The kernel copies at most so many bytes of an fsconfig value (fs/fsopen.c). */
const VALUE_BYTES = 255;

export interface NewFileSystem {
  readonly type: string;
  /** Where it goes, for messages. */
  readonly at: string;
  readonly source?: string;
  /** `[key, value]`, or `[key]` for a flag; in order. */
  readonly parameters?: readonly (readonly [string, string?])[];
  /** MOUNT_ATTR_*. */
  readonly attributes?: number;
}

/** Makes a file system, mounted nowhere yet; the slot is a descriptor of its root. */
export function newFileSystem(plan: PlanBuilder, options: NewFileSystem): Slot {
  const { type, at, source, parameters = [], attributes = 0 } = options;
  const label = `mount "${source ?? type}" (${type}) at "${at}"`;
  const fs = plan.call(label, 'fsopen', [type, FSOPEN_CLOEXEC], { save: true });
  if (source !== undefined) setParameter(plan, { fs, label, key: 'source', value: source });
  for (const [key, value] of parameters) setParameter(plan, { fs, label, key, value });
  plan.call(label, 'fsconfig', [fs, FSCONFIG_CMD_CREATE, 0, 0, 0]);
  const mount = plan.call(label, 'fsmount', [fs, FSMOUNT_CLOEXEC, attributes], { save: true });
  plan.close(fs);
  return mount;
}

function setParameter(
  plan: PlanBuilder,
  {
    fs,
    label,
    key,
    value,
  }: { readonly fs: Slot; readonly label: string; readonly key: string; readonly value: string | undefined },
): void {
  if (value !== undefined && Buffer.byteLength(value) > VALUE_BYTES) {
    throw invalidArgument(
      `Cannot ${label}: the value of ${key} is longer than ${VALUE_BYTES} bytes: ${value}`,
    );
  }
  const step = `${label}, ${key}${value === undefined ? '' : `=${value}`}`;
  const command = value === undefined ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
  plan.call(step, 'fsconfig', [fs, command, key, value ?? 0, 0]);
}

/** Clones what is mounted at a path (or at the descriptor itself when `path` is empty); mounted nowhere yet. */
export function cloneMount(
  plan: PlanBuilder,
  from: {
    readonly dirfd?: Value;
    readonly path: string;
    readonly recursive: boolean;
    readonly label: string;
  },
): Slot {
  const flags =
    OPEN_TREE_CLONE |
    O_CLOEXEC |
    (from.path === '' ? AT_EMPTY_PATH : 0) |
    (from.recursive ? AT_RECURSIVE : 0);
  return plan.call(from.label, 'open_tree', [from.dirfd ?? AT_FDCWD, from.path, flags], { save: true });
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
  },
): void {
  const { label, recursive = false, ...attr } = change;
  if ((attr.set ?? 0) === 0 && (attr.clear ?? 0) === 0 && (attr.propagation ?? 0) === 0) return;
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  plan.call(label, 'mount_setattr', [mount, '', flags, mountAttr(attr), MOUNT_ATTR_BYTES]);
}
