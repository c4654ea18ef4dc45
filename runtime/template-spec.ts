import { OCI_VERSION } from './container/state.ts';
import { DEFAULT_PATH, maskedPaths, READONLY_PATHS } from './default-spec.ts';
import type { IdMapping, Mount, NamespaceType, Spec } from './spec.ts';

export interface TemplateOptions {
  /** For a caller who is not root: a user namespace with the caller as its root, the host's network and no limits. */
  readonly rootless: boolean;
  /** The host has cgroups of version 2 only: then the container gets a cgroup namespace. */
  readonly isUnified: boolean;
  /** Of the host, for their thermal files. */
  readonly cpus: number;
  readonly uid: number;
  readonly gid: number;
}

const CAPABILITIES: readonly string[] = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

/** What `spec` writes: a shell, as runc's example has it, with docker's present masks. Pure. */
export function templateSpec(options: TemplateOptions): Spec {
  const { rootless, uid, gid, cpus } = options;
  return {
    ociVersion: OCI_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: [`PATH=${DEFAULT_PATH}`, 'TERM=xterm'],
      cwd: '/',
      capabilities: {
        bounding: [...CAPABILITIES],
        effective: [...CAPABILITIES],
        permitted: [...CAPABILITIES],
      },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'wherry',
    mounts: rootless ? MOUNTS.map(forCaller) : [...MOUNTS],
    linux: {
      ...(rootless ? { uidMappings: [only(uid)], gidMappings: [only(gid)] } : {}),
      ...(rootless ? {} : { resources: { devices: [{ allow: false, access: 'rwm' }] } }),
      namespaces: namespaces(options).map((type) => ({ type })),
      maskedPaths: maskedPaths(cpus),
      readonlyPaths: [...READONLY_PATHS],
    },
  };
}

/** As runc writes it. */
export const templateText = (options: TemplateOptions): string =>
  JSON.stringify(templateSpec(options), undefined, '\t');

const namespaces = ({ rootless, isUnified }: TemplateOptions): NamespaceType[] => [
  'pid',
  ...(rootless ? [] : (['network'] as const)),
  'ipc',
  'uts',
  'mount',
  ...(isUnified ? (['cgroup'] as const) : []),
  ...(rootless ? (['user'] as const) : []),
];

const only = (hostID: number): IdMapping => ({ containerID: 0, hostID, size: 1 });

const mount = (destination: string, type: string, options?: readonly string[]): Mount => ({
  destination,
  type,
  source: type,
  ...(options === undefined ? {} : { options: [...options] }),
});

const NONE = ['nosuid', 'noexec', 'nodev'] as const;

const MOUNTS: readonly Mount[] = [
  mount('/proc', 'proc'),
  mount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
  mount('/dev/pts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
  { ...mount('/dev/shm', 'tmpfs', [...NONE, 'mode=1777', 'size=65536k']), source: 'shm' },
  mount('/dev/mqueue', 'mqueue', NONE),
  mount('/sys', 'sysfs', [...NONE, 'ro']),
  mount('/sys/fs/cgroup', 'cgroup', [...NONE, 'relatime', 'ro']),
];

/** A sysfs belongs to a network namespace of one's own; and no owner but the caller is mapped. */
function forCaller(of: Mount): Mount {
  if (of.destination === '/sys')
    return { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', ...NONE, 'ro'] };
  if (of.options === undefined) return of;
  return { ...of, options: of.options.filter((option) => !/^[ug]id=/.test(option)) };
}
