import type { BorrowedMount } from '../../../runtime/contract.ts';
import type { IdMapping, Mount } from '../../../runtime/spec.ts';
import type { HostOptions, MountPoint } from '../contract.ts';
import { initMount } from './init-form.ts';

/** With a read-only root these stay writable: a program could hardly run otherwise. */
const STAY_WRITABLE = ['/proc', '/dev/pts', '/dev/shm', '/dev/mqueue', '/dev'];
const SHM = '/dev/shm';
const TMPFS_OPTIONS = ['noexec', 'nosuid', 'nodev', 'rprivate'];

/** The files that the daemon writes for each container. */
export interface NameFilePaths {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  /** Of `--init`. */
  readonly init?: string | undefined;
}

/**
 * All mounts of a container: the defaults but those that the user replaces, then the user's and the name files, shallow ones
 * first, so that nothing hides what was mounted below it. Pure.
 */
export function makeMounts(
  defaults: readonly Mount[],
  host: Pick<HostOptions, 'tmpfs' | 'readonlyRootfs' | 'namespaces'>,
  own: { readonly points: readonly Mount[]; readonly files: NameFilePaths },
): Mount[] {
  const asked = [...own.points, ...Object.entries(host.tmpfs).map(tmpfsMount)];
  const taken = new Set(asked.map(({ destination }) => destination));
  const names = nameMounts(own.files).filter(({ destination }) => !taken.has(destination));
  const kept = defaults
    .filter(
      ({ destination }) => !taken.has(destination) && !(taken.has('/dev') && destination.startsWith('/dev/')),
    )
    .flatMap((mount) => (mount.destination === SHM ? sharedMemory(mount, host.namespaces.ipc) : [mount]));
  const base = host.readonlyRootfs ? kept.map(readOnly) : kept;
  const added = [...asked, ...names].toSorted((a, b) => depth(a.destination) - depth(b.destination));
  return [...base, ...added];
}

/** /dev/shm goes with the ipc namespace; another container's is taken over by the launch (`borrowedMounts`). */
function sharedMemory(own: Mount, ipcMode: string): Mount[] {
  if (ipcMode === 'none') return [];
  if (ipcMode !== 'host' && !ipcMode.startsWith('container:')) return [own];
  return [{ destination: SHM, type: 'bind', source: SHM, options: ['bind', 'rprivate'] }];
}

/** The mounts of `mounts` that are not the host's but those of the container whose ipc namespace is joined. */
export const borrowedMounts = (mounts: readonly Mount[], ipcDonor: number | undefined): BorrowedMount[] =>
  ipcDonor === undefined
    ? []
    : mounts
        .filter(({ destination, source }) => destination === SHM && source === SHM)
        .map(({ destination }) => ({ destination, pid: ipcDonor }));

const depth = (path: string): number => path.split('/').filter((name) => name !== '').length;

const readOnly = (mount: Mount): Mount =>
  STAY_WRITABLE.includes(mount.destination) || mount.options?.includes('ro') === true
    ? mount
    : { ...mount, options: [...(mount.options ?? []), 'ro'] };

/** A read-only bind is so with everything mounted below it, as docker has it since API 1.44, unless it was asked not to be. */
export function pointMount(point: MountPoint, user: { readonly uid: number; readonly gid: number }): Mount {
  const { source, destination, rw, propagation, nonRecursive, readOnlyTree, subpath, owner } = point;
  const readOnlyWord = nonRecursive || readOnlyTree === 'top' ? 'ro' : 'rro';
  const options = [nonRecursive ? 'bind' : 'rbind', ...(rw ? [] : [readOnlyWord]), propagation || 'rprivate'];
  return {
    destination,
    type: 'bind',
    source,
    options: owner === undefined ? options : [...options, 'idmap'],
    ...(owner === undefined
      ? {}
      : { uidMappings: exchanged(owner.uid, user.uid), gidMappings: exchanged(owner.gid, user.gid) }),
    ...(subpath === '' ? {} : { subpath }),
  };
}

const ALL_IDS = 2 ** 32 - 1;

/** Two ids in each other's place, every other in its own. */
function exchanged(a: number, b: number): IdMapping[] {
  const [low, high] = a < b ? [a, b] : [b, a];
  if (low === high) return [{ containerID: 0, hostID: 0, size: ALL_IDS }];
  const range = (containerID: number, hostID: number, size: number): IdMapping[] =>
    size > 0 ? [{ containerID, hostID, size }] : [];
  return [
    ...range(0, 0, low),
    ...range(low, high, 1),
    ...range(low + 1, low + 1, high - low - 1),
    ...range(high, low, 1),
    ...range(high + 1, high + 1, ALL_IDS - high - 1),
  ];
}

function tmpfsMount([destination, options]: [string, string]): Mount {
  const own = options === '' ? [] : options.split(',');
  return { destination, type: 'tmpfs', source: 'tmpfs', options: [...TMPFS_OPTIONS, ...own] };
}

const nameMounts = ({ hosts, hostname, resolvConf, init }: NameFilePaths): Mount[] => [
  fileMount(resolvConf, '/etc/resolv.conf'),
  fileMount(hostname, '/etc/hostname'),
  fileMount(hosts, '/etc/hosts'),
  ...(init === undefined ? [] : [initMount(init)]),
];

const fileMount = (source: string, destination: string): Mount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', 'rprivate'],
});

/** What the root's own propagation has to be, so that a bind's can do anything; docker's private otherwise. */
export function rootPropagation(binds: readonly Pick<MountPoint, 'propagation'>[]): string | undefined {
  const asked = binds.map(({ propagation }) => propagation.replace(/^r/, ''));
  if (asked.includes('shared')) return 'shared';
  return asked.includes('slave') ? 'rslave' : undefined;
}
