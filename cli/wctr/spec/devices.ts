import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Device, Spec } from '../../../runtime/spec.ts';

/** Not the host's: every container has its own. */
const OWN = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console']);
const PERMISSIONS = 0o7777;

/** Adds a device, or all below a directory, with leave to use it. */
export function addDevice(spec: Spec, path: string): void {
  const devices = devicesAt(path);
  if (devices.length === 0) throw new Error(`${path}: not a device node`);
  const resources = (spec.linux.resources ??= {});
  spec.linux.devices = [...(spec.linux.devices ?? []), ...devices];
  resources.devices = [
    ...(resources.devices ?? []),
    ...devices.map(({ type, major, minor }) => ({
      allow: true,
      type: type === 'b' ? ('b' as const) : ('c' as const),
      ...(major === undefined ? {} : { major }),
      ...(minor === undefined ? {} : { minor }),
      access: 'rwm',
    })),
  ];
}

/** All that the host has, without rules: a privileged container may use any. */
export function addHostDevices(spec: Spec): void {
  spec.linux.devices = [...(spec.linux.devices ?? []), ...devicesAt('/dev')];
}

function devicesAt(path: string): Device[] {
  if (statSync(path).isDirectory()) {
    return readdirSync(path)
      .filter((name) => !OWN.has(name))
      .flatMap((name) => (lstatSync(join(path, name)).isSymbolicLink() ? [] : devicesAt(join(path, name))));
  }
  const status = statSync(path);
  if (!status.isCharacterDevice() && !status.isBlockDevice()) return [];
  return [
    {
      path,
      type: status.isBlockDevice() ? 'b' : 'c',
      // The kernel's encoding (include/linux/kdev_t.h): 12 bits of major, 20 of minor.
      major: Math.floor(status.rdev / 0x100) % 0x1000,
      minor: (status.rdev % 0x100) + Math.floor(status.rdev / 0x100000) * 0x100,
      fileMode: status.mode & PERMISSIONS,
      uid: status.uid,
      gid: status.gid,
    },
  ];
}
