import { env } from 'node:process';
import {
  bool,
  int,
  list,
  refused,
  text,
  value,
  type Flags,
  type Values,
} from '../../../common/flags/flag.ts';

const float = (help: string) =>
  value<number>({
    type: 'float',
    help,
    initial: 0,
    read: (given) => {
      const number = Number(given);
      if (given.trim() !== '' && Number.isFinite(number)) return number;
      throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(given)}: invalid syntax`);
    },
  });

/** Of `containers create` and `run`. */
export const containerFlags = {
  snapshotter: text('snapshotter name. Empty value stands for the default value.', {
    initial: env['CONTAINERD_SNAPSHOTTER'] ?? '',
  }),
  'snapshotter-label': list('labels added to the new snapshot for this container.'),
  config: text('path to the runtime-specific spec config file', { short: 'c' }),
  cwd: text('specify the working directory of the process'),
  env: list('specify additional container environment variables (e.g. FOO=bar)'),
  'env-file': text(
    'specify additional container environment variables in a file(e.g. FOO=bar, one per line)',
  ),
  label: list('specify additional labels (e.g. foo=bar)'),
  annotation: list('specify additional OCI annotations (e.g. foo=bar)'),
  mount: list('specify additional container mount (e.g. type=bind,src=/tmp,dst=/host,options=rbind:ro)'),
  'net-host': bool('enable host networking for the container'),
  privileged: bool('run privileged container'),
  'read-only': bool('set the containers filesystem as readonly'),
  runtime: text('runtime name', { initial: 'io.containerd.runc.v2', shown: '"io.containerd.runc.v2"' }),
  'runtime-config-path': text('optional runtime config path'),
  tty: bool('allocate a TTY for the container', { short: 't' }),
  user: text('user of the process: name or uid, with :group or :gid'),
  'with-ns': list(
    "specify existing Linux namespaces to join at container runtime (format '<nstype>:<path>')",
  ),
  'pid-file': text("file path to write the task's pid"),
  cidfile: text("file path to write the container's id"),
  gpus: refused('list', { reason: 'wctr calls no nvidia-container-cli; name the devices by --device' }),
  'allow-new-privs': bool("turn off OCI spec's NoNewPrivileges feature flag"),
  'memory-limit': int('memory limit (in bytes) for the container'),
  device: list('file path to a device to add to the container; or a path to a directory tree of devices'),
  'cap-add': list("add Linux capabilities (Set capabilities with 'CAP_' prefix)"),
  'cap-drop': list("drop Linux capabilities (Set capabilities with 'CAP_' prefix)"),
  seccomp: bool('enable the default seccomp profile'),
  'seccomp-profile': text('file path to custom seccomp profile. seccomp must be set to true'),
  'apparmor-default-profile': refused('string', {
    reason: 'wctr loads no profile into the kernel; name a loaded one by --apparmor-profile',
  }),
  'apparmor-profile': text('enable AppArmor with an existing custom profile'),
  'rdt-class': text('name of the RDT class to associate the container with'),
  rootfs: bool('use custom rootfs that is not managed by containerd snapshotter'),
  'no-pivot': bool('disable use of pivot-root (linux only)'),
  'cpu-quota': int('Limit CPU CFS quota'),
  'cpu-period': int('Limit CPU CFS period'),
  'rootfs-propagation': text('set the propagation of the container rootfs'),
  cgroup: text('cgroup path (To disable use of cgroup, set to "" explicitly)'),
  platform: text('run image for specific platform'),
  'runc-binary': text('specify runc-compatible binary'),
  'runc-root': text('specify runc-compatible root'),
  'runc-systemd-cgroup': bool('start runc with systemd cgroup manager'),
  uidmap: text(
    'run inside a user namespace with the specified UID mapping range (container-uid:host-uid:length)',
  ),
  gidmap: text(
    'run inside a user namespace with the specified GID mapping range (container-gid:host-gid:length)',
  ),
  'remap-labels': bool(
    'provide the user namespace ID remapping to the snapshotter via label options; requires snapshotter support',
  ),
  cpus: float('set the CFS cpu quota'),
  'cpu-shares': int('set the cpu shares', { shown: '1024' }),
} satisfies Flags;

export type ContainerFlags = Values<typeof containerFlags>;
