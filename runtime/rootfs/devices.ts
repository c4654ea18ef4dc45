import { posix } from 'node:path';
import { Label, type PlanBuilder } from '../plan/builder.ts';
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  MOUNT_ATTR,
  O_CLOEXEC,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFREG,
} from '../plan/constants.ts';
import { cleanPath, ensureDirectory } from '../plan/paths.ts';
import { deviceNumber, openHow, OPEN_HOW_BYTES } from '../plan/structs.ts';
import type { Slot } from '../plan/types.ts';
import type { Device } from '../spec.ts';
import { attachMount, changeMount, cloneMount } from './filesystem.ts';
import { expectNode, lookAt } from './verify.ts';

const KINDS = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO } as const;

/** runtime-spec config-linux.md, "Default Devices": links that every container has. */
const LINKS: readonly (readonly [target: string, name: string])[] = [
  ['/proc/self/fd', 'fd'],
  ['/proc/self/fd/0', 'stdin'],
  ['/proc/self/fd/1', 'stdout'],
  ['/proc/self/fd/2', 'stderr'],
  ['/proc/kcore', 'core'],
  ['pts/ptmx', 'ptmx'],
];

export interface DevicesRequest {
  readonly root: Slot;
  /** The container's own /dev. */
  readonly dev: Slot;
  readonly devices: readonly Device[];
  readonly hasUserNamespace: boolean;
}

/**
 * Makes device nodes with exactly their mode and owner (the umask must be 0), and the links. Where no node can be made, in a user
 * namespace for one, the host's is bound: if it is what was asked for, and as the host has it. /dev/ptmx is always a link.
 */
export function makeDevices(plan: PlanBuilder, request: DevicesRequest): void {
  const { dev, devices } = request;
  for (const device of devices) {
    const path = cleanPath(device.path);
    if (path !== '/dev/ptmx') makeDevice(plan, { ...device, path }, request);
  }
  plan.call('remove "/dev/ptmx"', 'unlinkat', [dev, 'ptmx', 0], { ignore: ['ENOENT'] });
  for (const [target, name] of LINKS) {
    plan.call(`link "/dev/${name}" to "${target}"`, 'symlinkat', [target, dev, name], { ignore: ['EEXIST'] });
  }
}

function makeDevice(
  plan: PlanBuilder,
  device: Device,
  { root, dev, hasUserNamespace }: DevicesRequest,
): void {
  const { path } = device;
  const [parent, name] = [posix.dirname(path), posix.basename(path)];
  const directory = parent === '/dev' ? dev : ensureDirectory(plan, root, parent);
  if (hasUserNamespace && device.type !== 'p') bindDevice(plan, device, { directory, name });
  else makeNode(plan, device, { directory, name });
  if (directory !== dev) plan.close(directory);
}

interface Place {
  readonly directory: Slot;
  readonly name: string;
}

function makeNode(plan: PlanBuilder, device: Device, { directory, name }: Place): void {
  const { path, uid = 0, gid = 0 } = device;
  const label = `make device "${path}"`;
  const [made, failed, exists, done] = [new Label(), new Label(), new Label(), new Label()];
  const mode = KINDS[device.type] | (device.fileMode ?? 0o666);
  const number = deviceNumber(device.major ?? 0, device.minor ?? 0);
  plan.call(label, 'mknodat', [directory, name, mode, number], {
    ignore: ['EEXIST', 'EPERM'],
    onOk: made,
    onIgnored: failed,
  });
  plan.here(failed);
  // EEXIST or EPERM: which of both is seen by whether it is there.
  const probe = plan.call(label, 'openat2', [directory, name, ...existing()], {
    save: true,
    ignore: ['ENOENT', 'ELOOP'],
    onOk: exists,
  });
  bindDevice(plan, device, { directory, name });
  plan.jump(done);
  plan.here(exists);
  checkNode(plan, device, { node: probe, label: `${label}: another file is there` });
  plan.close(probe);
  plan.jump(done);
  plan.here(made);
  if (uid !== 0 || gid !== 0) {
    plan.call(`${label}: owner`, 'fchownat', [directory, name, uid, gid, AT_SYMLINK_NOFOLLOW]);
  }
  plan.here(done);
}

/** The host's node of the same path: this runs before the host's root is left. */
function bindDevice(plan: PlanBuilder, device: Device, { directory, name }: Place): void {
  const { path } = device;
  const label = `bind the host's device "${path}"`;
  const node = cloneMount(plan, { dirfd: AT_FDCWD, path, recursive: false, label });
  checkNode(plan, device, { node, label: `${label}: it is another device` });
  changeMount(plan, node, { label, set: MOUNT_ATTR.NOSUID | MOUNT_ATTR.NOEXEC });
  plan.call(label, 'mknodat', [directory, name, S_IFREG, 0], { ignore: ['EEXIST'] });
  const target = plan.call(label, 'openat2', [directory, name, ...existing()], { save: true });
  attachMount(plan, node, { target, label });
  plan.close(target);
  plan.close(node);
}

function checkNode(
  plan: PlanBuilder,
  device: Device,
  { node, label }: { readonly node: Slot; readonly label: string },
): void {
  const { type, major = 0, minor = 0 } = device;
  const status = lookAt(plan, { dirfd: node }, label);
  expectNode(plan, status, { label, format: KINDS[type], major, minor });
}

/** Arguments of openat2 for what is there, and is no link. */
const existing = (): [Uint8Array, number] => [
  openHow({ flags: O_PATH | O_CLOEXEC, resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS }),
  OPEN_HOW_BYTES,
];
