import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { env, getuid } from 'node:process';
import { fileURLToPath } from 'node:url';
import { lackOfLoop } from './loop-file-system.ts';

/**
 * What a test may need of its host. A probe answers why it is not there, or undefined when it is.
 * CI has what is marked `ci`, and the virtual machines of scripts/vm.ts have what names them: there a missing one is a failure
 * and not a skip.
 */
interface Need {
  readonly ci: boolean;
  readonly machines?: readonly string[];
  readonly probe: () => string | undefined;
}

const program = (name: string, ci: boolean): Need => ({
  ci,
  probe: () => (findProgram(name) === undefined ? `there is no ${name} on PATH` : undefined),
});

const needs = {
  root: { ci: true, probe: () => (getuid?.() === 0 ? undefined : 'this is not root') },
  'docker-client': program('docker', true),
  'docker-py': {
    ci: true,
    probe: () => (dockerPython() === undefined ? 'no python3 has the module docker' : undefined),
  },
  'docker-compose': program('docker-compose', true),
  nginx: program('nginx', true),
  'redis-server': program('redis-server', true),
  postgresql: {
    ci: true,
    probe: () => (existsSync('/usr/lib/postgresql') ? undefined : 'there is no /usr/lib/postgresql'),
  },
  busybox: program('busybox', true),
  nftables: program('nft', true),
  unshare: program('unshare', true),
  setpriv: program('setpriv', true),
  compiler: program('gcc', true),
  strace: program('strace', true),
  containerd: program('containerd', true),
  ctr: program('ctr', true),
  dockerd: program('dockerd', true),
  podman: program('podman', true),
  debootstrap: program('debootstrap', true),
  'dbus-daemon': program('dbus-daemon', false),
  skopeo: program('skopeo', true),
  'docker-registry': program('docker-registry', true),
  openssl: program('openssl', true),
  umoci: program('umoci', true),
  bindfs: program('bindfs', true),
  iptables: program('iptables', true),
  /** And no journal of the host's own, in whose place it would be. */
  'systemd-journald': {
    ci: false,
    probe: () => {
      if (!existsSync('/lib/systemd/systemd-journald')) return 'there is no /lib/systemd/systemd-journald';
      return existsSync('/run/systemd/journal') ? 'this host has a journal of its own' : undefined;
    },
  },
  'cni-plugins': {
    ci: true,
    probe: () => (existsSync('/usr/lib/cni/bridge') ? undefined : 'there is no /usr/lib/cni/bridge'),
  },
  overlay: {
    ci: true,
    probe: () =>
      readFileSync('/proc/filesystems', 'utf8').includes('\toverlay\n')
        ? undefined
        : 'the kernel has no overlay',
  },
  'cgroup-v1': {
    ci: true,
    probe: () =>
      existsSync('/sys/fs/cgroup/memory/tasks')
        ? undefined
        : 'no cgroup v1 hierarchy of the memory controller',
  },
  systemd: {
    ci: false,
    machines: ['systemd'],
    probe: () => (existsSync('/run/systemd/system') ? undefined : 'systemd does not run this host'),
  },
  'cgroup-v2': {
    ci: false,
    machines: ['script', 'systemd'],
    probe: () => (cgroupVersion() === 2 ? undefined : 'cgroups are not all of version 2'),
  },
  'loop-files': {
    ci: true,
    machines: ['script', 'systemd'],
    probe: () =>
      existsSync('/dev/loop-control')
        ? program('mkfs.ext4', true).probe()
        : 'the kernel has no loop devices: there is no /dev/loop-control',
  },
  'ext4-projects': { ci: false, machines: ['script', 'systemd'], probe: () => lackOfLoop('ext4-projects') },
  'xfs-projects': { ci: false, machines: ['script', 'systemd'], probe: () => lackOfLoop('xfs-projects') },
  xfs: { ci: false, probe: () => lackOfLoop('xfs') },
  btrfs: { ci: false, probe: () => lackOfLoop('btrfs') },
  criu: { ci: false, machines: ['script', 'systemd'], probe: lackOfCriu },
  apparmor: { ci: false, machines: ['script', 'systemd'], probe: lackOfAppArmor },
} as const satisfies Record<string, Need>;

export type NeedName = keyof typeof needs;

/**
 * Options of a test that needs these: `test('...', requires('root', 'nftables'), ...)`. It is skipped with the reason where
 * one is missing. Throws for a name that is not in the list, and on CI or in a virtual machine for a missing one that it must have.
 */
export function requires(...names: NeedName[]): { skip?: string } {
  for (const name of names) {
    const need: Need | undefined = Object.hasOwn(needs, name) ? needs[name] : undefined;
    if (need === undefined)
      throw new Error(`requires("${name}"): unknown; one of ${Object.keys(needs).join(', ')}`);
    const lack = need.probe();
    if (lack === undefined) continue;
    if (need.ci && env['CI'] === 'true') throw new Error(`CI must have "${name}", but ${lack}`);
    if (need.machines?.includes(env['WHERRY_TEST_MACHINE'] ?? '') === true)
      throw new Error(`This machine must have "${name}", but ${lack}`);
    return { skip: `needs ${name}: ${lack}` };
  }
  return {};
}

/** Of the memory controller. */
export const cgroupVersion = (): 1 | 2 => (existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1);

/** Debian's CRIU 3.17 knows nothing of how the vDSO of Linux 6.13 and later lies in memory, and does nothing there. */
function lackOfCriu(): string | undefined {
  const criu = findProgram('criu');
  if (criu === undefined) return 'there is no criu on PATH';
  const { status, stdout, stderr } = spawnSync(criu, ['check'], { cwd: '/', encoding: 'utf8' });
  return status === 0
    ? undefined
    : `criu does not work on this kernel: ${`${stdout}${stderr}`.split('\n')[0] ?? ''}`;
}

function lackOfAppArmor(): string | undefined {
  if (!existsSync('/sys/kernel/security/apparmor/profiles')) return 'the kernel runs without AppArmor';
  return findProgram('apparmor_parser') === undefined ? 'there is no apparmor_parser on PATH' : undefined;
}

const UNPACKED = fileURLToPath(new URL('../../build/tools/usr/bin', import.meta.url));

/** Absolute path of a program on PATH or unpacked by scripts/setup. */
export function findProgram(name: string): string | undefined {
  const directories = [...(env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin', UNPACKED];
  return directories.map((directory) => join(directory, name)).find((path) => isExecutable(path));
}

/** A Python with docker-py. */
export function dockerPython(): string | undefined {
  const pythons = [findProgram('python3'), '/usr/bin/python3'].filter((path) => path !== undefined);
  return pythons.find((path) => spawnSync(path, ['-c', 'import docker'], { cwd: '/' }).status === 0);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
