import { capabilitiesOf } from './security/capabilities.ts';
import type { Device, DeviceRule, Mount, NamespaceType, Spec } from './spec.ts';

/** Where a program is looked for when the image does not say. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface DefaultSpecOptions {
  /** From `chooseCapabilities`. */
  readonly capabilities: readonly string[];
  /** No masks, a writable /sys and cgroup tree, every device. */
  readonly privileged: boolean;
  readonly shmSizeBytes: number;
  /** False: the host's. */
  readonly ownNetwork: boolean;
  /** Number of cpus of this host, for their thermal files. */
  readonly cpus: number;
}

/**
 * Docker's defaults as data (moby, daemon/pkg/oci/defaults.go; runc's allowed devices): a specification that lacks only what the container itself says: arguments, environment, user, root, further mounts,
 * limits.
 */
export function defaultSpec(options: DefaultSpecOptions): Spec {
  const { privileged, capabilities } = options;
  return {
    ociVersion: '1.3.0',
    process: {
      user: { uid: 0, gid: 0 },
      args: [],
      cwd: '/',
      capabilities: capabilitiesOf(capabilities),
    },
    root: { path: 'rootfs' },
    mounts: defaultMounts(options),
    linux: {
      namespaces: namespaces(options.ownNetwork).map((type) => ({ type })),
      devices: [...DEFAULT_DEVICES],
      resources: { devices: privileged ? [{ allow: true, access: 'rwm' }] : [...DEFAULT_DEVICE_RULES] },
      maskedPaths: privileged ? [] : maskedPaths(options.cpus),
      readonlyPaths: privileged ? [] : [...READONLY_PATHS],
    },
  };
}

const namespaces = (ownNetwork: boolean): NamespaceType[] => [
  'mount',
  ...(ownNetwork ? (['network'] as const) : []),
  'uts',
  'pid',
  'ipc',
  'cgroup',
];

function defaultMounts({ privileged, shmSizeBytes }: DefaultSpecOptions): Mount[] {
  const none = ['nosuid', 'noexec', 'nodev'];
  const readonly = privileged ? [] : ['ro'];
  return [
    mount('proc', '/proc', none),
    mount('tmpfs', '/dev', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    mount('devpts', '/dev/pts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
    mount('sysfs', '/sys', [...none, ...readonly]),
    mount('cgroup', '/sys/fs/cgroup', [...readonly, ...none]),
    mount('mqueue', '/dev/mqueue', none),
    { ...mount('tmpfs', '/dev/shm', [...none, 'mode=1777', `size=${shmSizeBytes}`]), source: 'shm' },
  ];
}

const mount = (type: string, destination: string, options: string[]): Mount => ({
  destination,
  type,
  source: type,
  options,
});

const character = (path: string, major: number, minor: number): Device => ({
  type: 'c',
  path,
  major,
  minor,
  fileMode: 0o666,
  uid: 0,
  gid: 0,
});

/** runtime-spec config-linux.md, "Default Devices". */
export const DEFAULT_DEVICES: readonly Device[] = [
  character('/dev/null', 1, 3),
  character('/dev/zero', 1, 5),
  character('/dev/full', 1, 7),
  character('/dev/random', 1, 8),
  character('/dev/urandom', 1, 9),
  character('/dev/tty', 5, 0),
];

const allow = (major: number, minor: number | undefined, access = 'rwm'): DeviceRule => ({
  allow: true,
  type: 'c',
  major,
  access,
  ...(minor === undefined ? {} : { minor }),
});

/** Nothing, then: making nodes of any kind, the default devices, console, terminals and their multiplexer. */
export const DEFAULT_DEVICE_RULES: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...DEFAULT_DEVICES.map(({ major = 0, minor }) => allow(major, minor)),
  allow(5, 1),
  allow(5, 2),
  allow(136, undefined),
];

/** Docker's present lists, which containers of the command line's template get as well. */
export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

export const maskedPaths = (cpus: number): string[] => [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  ...Array.from({ length: cpus }, (_, cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`),
];
