import { realpathSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import { withDefaultDeviceRules } from '../cgroup/devices.ts';
import { DEFAULT_DEVICES } from '../default-spec.ts';
import type { Device, Mount, Spec } from '../spec.ts';

/**
 * What the command line makes of a configuration: paths of the bundle become absolute, and every container gets the devices that
 * the specification lists as default.
 */
export function prepareSpec(spec: Spec, bundle: string): { readonly spec: Spec; readonly rootfs: string } {
  const rootfs = rootOf(spec, bundle);
  const mounts = spec.mounts.map((mount) => withoutRoot(absolute(mount, bundle), rootfs));
  const devices = withDefaults(spec.linux.devices ?? []);
  const { resources = {} } = spec.linux;
  const rules = withDefaultDeviceRules(resources.devices);
  const linux = { ...spec.linux, devices, resources: { ...resources, devices: rules } };
  return { spec: { ...spec, mounts, linux }, rootfs };
}

function rootOf({ root }: Spec, bundle: string): string {
  const path = resolve(bundle, root.path);
  try {
    return realpathSync(path);
  } catch (error) {
    throw invalidArgument(`invalid rootfs: Cannot find "${path}"`, { cause: error });
  }
}

function absolute(mount: Mount, bundle: string): Mount {
  const isBind =
    mount.type === 'bind' ||
    mount.options?.some((option) => option === 'bind' || option === 'rbind') === true;
  if (!isBind || mount.source === undefined || isAbsolute(mount.source)) return mount;
  return { ...mount, source: join(bundle, mount.source) };
}

/** Some configurations name a destination as the host would: runc takes the root away from it, and so do we. */
function withoutRoot(mount: Mount, rootfs: string): Mount {
  const { destination } = mount;
  const isBelow = rootfs !== '/' && destination.startsWith(`${rootfs}/`);
  return isBelow ? { ...mount, destination: destination.slice(rootfs.length) } : mount;
}

/** What the configuration says of a path counts. */
function withDefaults(devices: readonly Device[]): Device[] {
  const named = new Set(devices.map(({ path }) => path));
  return [...DEFAULT_DEVICES.filter(({ path }) => !named.has(path)), ...devices];
}
