import { DEFAULT_CAPABILITIES } from '../../../runtime/security/capabilities.ts';
import type { DeviceRule, Mount, Spec } from '../../../runtime/spec.ts';

const OCI_VERSION = '1.0.2-dev';
const NOFILE = 1024;
const STRICT = ['nosuid', 'noexec', 'nodev'];
const SMALL = ['nosuid', 'strictatime', 'mode=755', 'size=65536k'];

const mount = (destination: string, type: string, [source, options]: [string, readonly string[]]): Mount => ({
  destination,
  type,
  source,
  options: [...options],
});

const character = (major: number, minor?: number): DeviceRule => ({
  allow: true,
  type: 'c',
  major,
  ...(minor === undefined ? {} : { minor }),
  access: 'rwm',
});

/** What a container gets that asks for nothing: the values that containerd's clients send. */
export function baseSpec(cgroupsPath: string): Spec {
  const all = (): string[] => [...DEFAULT_CAPABILITIES];
  return {
    ociVersion: OCI_VERSION,
    process: {
      user: { uid: 0, gid: 0 },
      args: [],
      env: [],
      cwd: '/',
      capabilities: { bounding: all(), effective: all(), permitted: all() },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: NOFILE, soft: NOFILE }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs' },
    mounts: [
      mount('/proc', 'proc', ['proc', STRICT]),
      mount('/dev', 'tmpfs', ['tmpfs', SMALL]),
      mount('/dev/pts', 'devpts', [
        'devpts',
        ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
      ]),
      mount('/dev/shm', 'tmpfs', ['shm', [...STRICT, 'mode=1777', 'size=65536k']]),
      mount('/dev/mqueue', 'mqueue', ['mqueue', STRICT]),
      mount('/sys', 'sysfs', ['sysfs', [...STRICT, 'ro']]),
      mount('/run', 'tmpfs', ['tmpfs', SMALL]),
    ],
    linux: {
      resources: {
        devices: [
          { allow: false, access: 'rwm' },
          ...[character(1, 3), character(1, 8), character(1, 7), character(5, 0), character(1, 5)],
          ...[character(1, 9), character(5, 1), character(136), character(5, 2)],
        ],
      },
      cgroupsPath,
      namespaces: [{ type: 'pid' }, { type: 'ipc' }, { type: 'uts' }, { type: 'mount' }, { type: 'network' }],
      maskedPaths: [
        ...[
          'acpi',
          'asound',
          'kcore',
          'keys',
          'latency_stats',
          'timer_list',
          'timer_stats',
          'sched_debug',
        ].map((name) => `/proc/${name}`),
        '/sys/firmware',
        '/proc/scsi',
      ],
      readonlyPaths: ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`),
    },
  };
}
