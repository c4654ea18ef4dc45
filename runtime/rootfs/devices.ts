import { posix } from 'node:path';
import type { PlanBuilder } from '../plan/builder.ts';
import { AT_SYMLINK_NOFOLLOW, S_IFBLK, S_IFCHR, S_IFIFO } from '../plan/constants.ts';
import { cleanPath, ensureDirectory } from '../plan/paths.ts';
import { deviceNumber } from '../plan/structs.ts';
import type { Slot } from '../plan/types.ts';
import type { Device } from '../spec.ts';

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

/** Makes device nodes with exactly their mode and owner. The umask must be 0. `dev` is the container's own /dev. */
export function makeDevices(
  plan: PlanBuilder,
  { root, dev, devices }: { readonly root: Slot; readonly dev: Slot; readonly devices: readonly Device[] },
): void {
  for (const device of devices) makeDevice(plan, device, { root, dev });
  for (const [target, name] of LINKS) {
    plan.call(`link "/dev/${name}" to "${target}"`, 'symlinkat', [target, dev, name], { ignore: ['EEXIST'] });
  }
}

function makeDevice(
  plan: PlanBuilder,
  device: Device,
  { root, dev }: { readonly root: Slot; readonly dev: Slot },
): void {
  const path = cleanPath(device.path);
  const [parent, name] = [posix.dirname(path), posix.basename(path)];
  const directory = parent === '/dev' ? dev : ensureDirectory(plan, root, parent);
  const mode = KINDS[device.type] | (device.fileMode ?? 0o666);
  const number = deviceNumber(device.major ?? 0, device.minor ?? 0);
  const label = `make device "${path}"`;
  plan.call(label, 'mknodat', [directory, name, mode, number], { ignore: ['EEXIST'] });
  const { uid = 0, gid = 0 } = device;
  if (uid !== 0 || gid !== 0) {
    plan.call(`${label}: owner`, 'fchownat', [directory, name, uid, gid, AT_SYMLINK_NOFOLLOW]);
  }
  if (directory !== dev) plan.close(directory);
}
