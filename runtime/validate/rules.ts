import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '../../common/errors.ts';
import { checkSysctl } from '../rootfs/sysctl.ts';
import type { IdMapping, Linux, NamespaceType, Spec } from '../spec.ts';
import { knownProblem, problem, type Findings } from './check.ts';
import { hasResctrl } from './host.ts';
import { checkMount, type MountSurroundings } from './mounts.ts';

/** What of a configuration is sound by itself. */
export type Draft = Partial<Spec>;

interface Surroundings {
  readonly linux: Linux;
  /** Kinds of namespaces that the container has, its own or somebody's; with the path of the latter. */
  readonly namespaces: ReadonlyMap<NamespaceType, string | undefined>;
  readonly rootless: boolean;
  readonly to: Findings;
}

const has = (list: readonly unknown[] | undefined): boolean => list !== undefined && list.length > 0;

/** Notes what is wrong between fields: what needs a namespace that is not there, what contradicts. */
export function checkRules(draft: Draft, rootless: boolean, to: Findings): void {
  const { linux, mounts = [] } = draft;
  if (linux === undefined) return;
  const namespaces = new Map(linux.namespaces.map(({ type, path }) => [type, path]));
  const around: Surroundings = { linux, namespaces, rootless, to };
  checkNames(draft, around);
  checkUserNamespace(around);
  checkTimeNamespace(around);
  checkNetDevices(around);
  checkSysctls(around);
  if (linux.intelRdt !== undefined) checkIntelRdt(to);
  if (rootless) checkRootless(around);
  const surroundings = mountSurroundings(around);
  mounts.forEach((mount, index) => checkMount(mount, { at: `mounts[${index}]`, to, around: surroundings }));
}

function checkNames(draft: Draft, { linux, namespaces, to }: Surroundings): void {
  for (const name of ['hostname', 'domainname'] as const)
    if ((draft[name] ?? '') !== '' && !namespaces.has('uts'))
      knownProblem(to, name, `unable to set ${name} without a private UTS namespace`);
  if ((has(linux.maskedPaths) || has(linux.readonlyPaths)) && !namespaces.has('mount'))
    knownProblem(
      to,
      has(linux.maskedPaths) ? 'linux.maskedPaths' : 'linux.readonlyPaths',
      'unable to restrict sys entries without a private MNT namespace',
    );
}

/** Without any mappings every id is mapped to itself, as crun does (runtime/launch.ts). */
function checkUserNamespace({ linux, namespaces, to }: Surroundings): void {
  const { uidMappings, gidMappings } = linux;
  const hasMappings = has(uidMappings) || has(gidMappings);
  const path = namespaces.get('user');
  if (!namespaces.has('user')) {
    if (hasMappings)
      knownProblem(
        to,
        has(uidMappings) ? 'linux.uidMappings' : 'linux.gidMappings',
        "user namespace mappings specified, but user namespace isn't enabled in the config",
      );
  } else if (path !== undefined) {
    if (hasMappings) checkSameMappings(path, linux, to);
  } else if (hasMappings) {
    for (const kind of ['uid', 'gid'] as const) checkMappings(kind, linux[`${kind}Mappings`] ?? [], to);
  }
}

function checkMappings(kind: 'uid' | 'gid', mappings: readonly IdMapping[], to: Findings): void {
  const at = `linux.${kind}Mappings`;
  if (mappings.length === 0) knownProblem(to, at, `user namespaces enabled, but no ${kind} mappings found`);
  // The container is set up as its root.
  else if (!isMapped(mappings, 0)) problem(to, at, `there is no mapping for ${kind} 0 of the container`);
}

const isMapped = (mappings: readonly IdMapping[] | undefined, id: number): boolean =>
  (mappings ?? []).some(({ containerID, size }) => id >= containerID && id < containerID + size);

/** containerd and CRI-O give both; the mappings then have to be those of the namespace, as far as it can be asked. */
function checkSameMappings(path: string, linux: Linux, to: Findings): void {
  const process = /^(\/proc\/(?:\d+|self))\/ns\/user$/.exec(path)?.[1];
  const isSame = (kind: 'uid' | 'gid'): boolean => {
    const wanted = (linux[`${kind}Mappings`] ?? []).map(
      ({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`,
    );
    const found = mapOf(`${process}/${kind}_map`);
    return found === undefined || sorted(found) === sorted(wanted);
  };
  if (process === undefined || (isSame('uid') && isSame('gid')))
    to.warnings.push(
      'config.json has both a userns path to join and a userns mapping specified: only the path is used',
    );
  else
    knownProblem(
      to,
      'linux.uidMappings',
      'user namespaces enabled, but both namespace path and non-matching mapping specified -- you may only provide one',
    );
}

const sorted = (lines: readonly string[]): string => lines.toSorted().join('\n');

function mapOf(path: string): string[] | undefined {
  try {
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    return lines.map((line) => line.trim().replaceAll(/\s+/g, ' '));
  } catch {
    // Joining it will say why.
    return undefined;
  }
}

function checkTimeNamespace({ linux, namespaces, to }: Surroundings): void {
  if (linux.timeOffsets === undefined) return;
  if (!namespaces.has('time'))
    knownProblem(
      to,
      'linux.timeOffsets',
      "time namespace offsets specified, but time namespace isn't enabled in the config",
    );
  else if (namespaces.get('time') !== undefined)
    knownProblem(
      to,
      'linux.timeOffsets',
      'time namespace enabled, but both namespace path and time offsets specified -- you may only provide one',
    );
}

function checkNetDevices({ linux, namespaces, rootless, to }: Surroundings): void {
  if (!has(Object.keys(linux.netDevices ?? {}))) return;
  if (!namespaces.has('network'))
    knownProblem(to, 'linux.netDevices', 'unable to move network devices without a NET namespace');
  if (rootless)
    knownProblem(to, 'linux.netDevices', 'network devices are not supported for rootless containers');
}

function checkSysctls({ linux, namespaces, to }: Surroundings): void {
  const own = new Set(namespaces.keys());
  const names = Object.keys(linux.sysctl ?? {});
  const path = namespaces.get('network');
  if (names.length > 0 && path !== undefined && isHostNetwork(path)) own.delete('network');
  for (const name of names) {
    try {
      checkSysctl(name, own);
    } catch (error) {
      knownProblem(to, `linux.sysctl[${JSON.stringify(name)}]`, messageOf(error));
    }
  }
}

/** A namespace by path may be the caller's own. */
function isHostNetwork(path: string): boolean {
  const mine = statSync('/proc/self/ns/net');
  const other = statSync(path, { throwIfNoEntry: false });
  return other?.dev === mine.dev && other.ino === mine.ino;
}

function checkIntelRdt(to: Findings): void {
  if (hasResctrl()) problem(to, 'linux.intelRdt', 'is not supported');
  else knownProblem(to, 'linux.intelRdt', 'intelRdt is specified in config, but Intel RDT is not enabled');
}

function checkRootless({ linux, namespaces, to }: Surroundings): void {
  if (!namespaces.has('user')) {
    knownProblem(to, 'linux.namespaces', 'rootless container requires user namespaces');
    return;
  }
  if (namespaces.get('user') !== undefined) return;
  for (const [kind, name] of [
    ['uid', 'UID'],
    ['gid', 'GID'],
  ] as const)
    if (!has(linux[`${kind}Mappings`]))
      knownProblem(to, `linux.${kind}Mappings`, `rootless containers requires at least one ${name} mapping`);
}

function mountSurroundings({ linux, namespaces, rootless }: Surroundings): MountSurroundings {
  const joinsUser = namespaces.get('user') !== undefined;
  return {
    hasUserNamespace: namespaces.has('user'),
    rootless,
    // Of a namespace that is joined the kernel knows.
    isMapped: (kind, id) => joinsUser || isMapped(linux[`${kind}Mappings`], id),
  };
}
