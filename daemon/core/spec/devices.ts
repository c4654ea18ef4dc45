import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { getSystemErrorMessage } from 'node:util';
import { join } from 'node:path';
import { invalidArgument } from '../../../common/errors.ts';
import type { Device, DeviceRule } from '../../../runtime/spec.ts';
import type { HostResources } from '../contract.ts';

export interface GrantedDevices {
  readonly devices: readonly Device[];
  readonly rules: readonly DeviceRule[];
}

/** Below /dev, but no devices of the host: file systems of their own, and names that lead elsewhere. */
const NO_HOST_DEVICES = ['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console'];

/** What --device and --device-cgroup-rule grant. Throws `invalid-argument` with docker's texts. */
export async function grantedDevices(resources: HostResources): Promise<GrantedDevices> {
  const found = await Promise.all(
    resources.devices.map(async ({ host, container, access }) => {
      const devices = await devicesAt(host, container);
      return { devices, rules: devices.map((device) => ruleOf(device, access)) };
    }),
  );
  return {
    devices: found.flatMap(({ devices }) => devices),
    rules: [...found.flatMap(({ rules }) => rules), ...resources.deviceCgroupRules.map(parseRule)],
  };
}

/** Every device of the host, for --privileged. */
export const hostDevices = (): Promise<Device[]> => devicesBelow('/dev', '/dev');

async function devicesAt(host: string, container: string): Promise<Device[]> {
  let status: Stats;
  try {
    status = await stat(host);
  } catch (error) {
    const { errno = 0 } = error as NodeJS.ErrnoException;
    throw gatherError(host, getSystemErrorMessage(errno) ?? String(error));
  }
  if (status.isDirectory()) {
    const devices = await devicesBelow(host, container);
    if (devices.length > 0) return devices;
  }
  const device = deviceOf(container, status);
  if (device === undefined) throw gatherError(host, 'not a device node');
  return [device];
}

const gatherError = (path: string, reason: string): Error =>
  invalidArgument(`error gathering device information while adding custom device "${path}": ${reason}`);

async function devicesBelow(host: string, container: string): Promise<Device[]> {
  const entries = await readdir(host, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const [source, target] = [join(host, entry.name), join(container, entry.name)];
      if (NO_HOST_DEVICES.includes(entry.name)) return [];
      if (entry.isDirectory()) return devicesBelow(source, target);
      if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
      // Gone meanwhile: a device may be unplugged.
      const status = await stat(source).catch(() => undefined);
      return status === undefined ? [] : [deviceOf(target, status)];
    }),
  );
  return found.flat().filter((device) => device !== undefined);
}

export function deviceOf(path: string, status: Stats): Device | undefined {
  const type = status.isCharacterDevice() ? 'c' : status.isBlockDevice() ? 'b' : undefined;
  if (type === undefined) return undefined;
  const { uid, gid, rdev, mode } = status;
  return { type, path, major: majorOf(rdev), minor: minorOf(rdev), fileMode: mode & 0o7777, uid, gid };
}

/** Linux's dev_t (man 3 major); beyond 32 bits no driver has gone. */
export const majorOf = (device: number): number => (device >>> 8) & 0xfff;
export const minorOf = (device: number): number => (device & 0xff) | ((device >>> 12) & 0xfff00);

function ruleOf({ type, major = 0, minor = 0 }: Device, access: string): DeviceRule {
  return { allow: true, type: type === 'b' ? 'b' : 'c', major, minor, access };
}

/** `c 10:* rwm`. Throws `invalid-argument` with docker's text. */
export function parseRule(text: string): DeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) throw invalidArgument(`invalid device cgroup rule format: '${text}'`);
  const [, type = 'a', major = '*', minor = '*', access = ''] = match;
  return {
    allow: true,
    type: type as 'a' | 'b' | 'c',
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}
