import { closeSync, constants, readlinkSync, statSync } from 'node:fs';
import {
  AT_FDCWD,
  isErrno,
  O_PATH,
  openAt,
  openAt2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '../../native/sys/files.ts';
import { isUnified, type CgroupLayout } from '../cgroup/layout.ts';
import { cleanPath } from '../plan/paths.ts';
import { isBind, parseMount } from '../rootfs/parse.ts';
import type { Spec } from '../spec.ts';
import type { ContainerRecord } from '../container/contract.ts';

/** `key`: where a mount is (dump), or what a dump called it (restore). `val`: what the dump calls it, or the host's path. */
export interface ExternalMount {
  readonly key: string;
  readonly val: string;
}

const NOTHING = '/dev/null';

/**
 * What CRIU is not to dump, since the host has it: binds, devices of the host, and the null device over masked files. Each is named
 * by its path in the specification; masked files by the null device, as runc has it.
 */
export function mountsToDump(record: ContainerRecord, layout: CgroupLayout): ExternalMount[] {
  const { spec, init } = record;
  const root = openAt(AT_FDCWD, `/proc/${init?.pid ?? 0}/root`, { flags: O_PATH | constants.O_DIRECTORY });
  try {
    const named = externalOf(record, layout).map(({ path }) => ({
      key: resolveIn(root, path) ?? path,
      val: path,
    }));
    const masked = (spec.linux.maskedPaths ?? []).flatMap((path): ExternalMount[] => {
      const found = resolveIn(root, path);
      return found === undefined || isDirectoryIn(root, path) ? [] : [{ key: found, val: NOTHING }];
    });
    return [...named, ...masked];
  } finally {
    closeSync(root);
  }
}

/** The host's paths for the same names. Nothing but the specification says what they are. */
export function mountsToRestore(record: ContainerRecord, layout: CgroupLayout): ExternalMount[] {
  const { spec, rootfs } = record;
  const root = openAt(AT_FDCWD, rootfs, { flags: O_PATH | constants.O_DIRECTORY });
  try {
    const named = externalOf(record, layout).flatMap(({ path, source }): ExternalMount[] => {
      // runc's checkpoints name a mount by where its destination leads.
      const found = resolveIn(root, path);
      const led = found?.startsWith(`${rootfs}/`) === true ? found.slice(rootfs.length) : path;
      return [...new Set([path, led])].map((key) => ({ key, val: source }));
    });
    const masked = (spec.linux.maskedPaths ?? []).length > 0 ? [{ key: NOTHING, val: NOTHING }] : [];
    return [...named.filter(({ key }) => key !== NOTHING || masked.length === 0), ...masked];
  } finally {
    closeSync(root);
  }
}

/** Paths of the specification, and what the host has for them. */
function externalOf(
  { spec, cgroups }: ContainerRecord,
  layout: CgroupLayout,
): { path: string; source: string }[] {
  const binds = spec.mounts.map(parseMount).flatMap((parsed) => {
    const { mount, destination: path } = parsed;
    if (isBind(parsed) && !parsed.options.remount) return [{ path, source: mount.source ?? '' }];
    if (mount.type !== 'cgroup' || isUnified(layout)) return [];
    return hierarchies(spec, { layout, path: cgroups?.path }).map(({ name, source }) => ({
      path: `${path}/${name}`,
      source,
    }));
  });
  const devices = (spec.linux.devices ?? []).map(({ path }) => ({
    path: cleanPath(path),
    source: cleanPath(path),
  }));
  return [...binds, ...devices];
}

/** Of version 1: a bind of each hierarchy (rootfs/cgroup-mount.ts). */
function hierarchies(
  _: Spec,
  { layout, path = '' }: { readonly layout: CgroupLayout; readonly path: string | undefined },
): { name: string; source: string }[] {
  const version1 = layout.hierarchies.map(({ mountPoint, name }) => ({
    name: name ?? mountPoint.slice(mountPoint.lastIndexOf('/') + 1),
    source: `${mountPoint}${path}`,
  }));
  return layout.unified === undefined
    ? version1
    : [...version1, { name: 'unified', source: `${layout.unified}${path}` }];
}

/** Where a path leads inside a root; undefined when it leads nowhere. */
function resolveIn(root: number, path: string): string | undefined {
  return useIn(root, path, (fd) => readlinkSync(`/proc/self/fd/${fd}`));
}

const isDirectoryIn = (root: number, path: string): boolean =>
  useIn(root, path, (fd) => statSync(`/proc/self/fd/${fd}`).isDirectory()) ?? false;

function useIn<T>(root: number, path: string, use: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openAt2(root, path, { flags: O_PATH, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) return undefined;
    throw error;
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
