import { invalidArgument } from '../../common/errors.ts';
import type { CallOptions, PlanBuilder } from '../plan/builder.ts';
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
} from '../plan/constants.ts';
import { cleanPath } from '../plan/paths.ts';
import { OPEN_HOW_BYTES, openHow } from '../plan/structs.ts';
import type { Slot } from '../plan/types.ts';
import type { Mount } from '../spec.ts';
import { cloneMount } from './filesystem.ts';
import { parseMountOptions, type MountOptions } from './options.ts';

/** A mount of the specification, read. */
export interface ParsedMount {
  readonly mount: Mount;
  /** Clean and absolute. */
  readonly destination: string;
  readonly options: MountOptions;
  readonly label: string;
}

/** What runc lets be mounted below /proc: files that lxcfs stands in for. */
const ALLOWED_IN_PROC: ReadonlySet<string> = new Set([
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/meminfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/uptime',
  '/proc/loadavg',
  '/proc/slabinfo',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/sys/crypto/fips_enabled',
]);

/** A relative destination is one of the root (deprecated). Throws `invalid-argument` for one that no container may have. */
export function parseMount(mount: Mount): ParsedMount {
  const destination = cleanPath(mount.destination);
  if (destination === '/') throw invalidArgument('invalid mount destination: "/" is the root itself');
  const label = `mount "${mount.source ?? mount.type ?? 'none'}" at "${destination}"`;
  const parsed = { mount, destination, options: parseMountOptions(mount.options ?? []), label };
  if (destination === '/proc' && !isBind(parsed) && !parsed.options.remount && mount.type !== 'proc')
    throw invalidArgument(`${label}: "/proc" cannot be mounted because it is not of type proc`);
  if (destination.startsWith('/proc/') && !parsed.options.remount && !isAllowedInProc(parsed))
    throw invalidArgument(`${label}: ${insideProc(destination)}`);
  return parsed;
}

export const isAllowedInProc = ({ destination }: ParsedMount): boolean => ALLOWED_IN_PROC.has(destination);

export const insideProc = (destination: string): string =>
  `"${destination}" cannot be mounted because it is inside /proc`;

export const isBind = ({ mount, options }: ParsedMount): boolean =>
  options.bind !== 'no' || mount.type === 'bind' || mount.type === 'rbind';

/** Whether the bind's ids are mapped. */
export const isMapped = ({ mount, options }: ParsedMount): boolean =>
  options.idmap !== 'no' || (mount.uidMappings ?? []).length > 0 || (mount.gidMappings ?? []).length > 0;

/** Clones the source of a bind. Throws `invalid-argument` for a relative one. */
export function cloneSource(
  plan: PlanBuilder,
  { mount, options, label }: ParsedMount,
  /** `dirfd`: it is open already. */
  { dirfd, call = {} }: { readonly dirfd?: Slot; readonly call?: CallOptions } = {},
): Slot {
  if (mount.source?.startsWith('/') !== true)
    throw invalidArgument(`Cannot ${label}: the source of a bind mount must be absolute`);
  const recursive = options.bind === 'tree' || mount.type === 'rbind';
  const { subpath } = mount;
  if (subpath !== undefined) {
    const part = openBeneath(plan, mount.source, subpath);
    const clone = cloneMount(plan, { dirfd: part, path: '', recursive, label, call });
    plan.call('close a descriptor', 'close', [part]);
    return clone;
  }
  return dirfd === undefined
    ? cloneMount(plan, { path: mount.source, recursive, label, call })
    : cloneMount(plan, { dirfd, path: '', recursive, label, call });
}

/** What of it is bound may be written by others: no link of theirs leads out. */
function openBeneath(plan: PlanBuilder, source: string, subpath: string): Slot {
  const label = `cannot access path ${source}/${subpath}`;
  const base = plan.call(label, 'openat', [AT_FDCWD, source, O_PATH | O_DIRECTORY | O_CLOEXEC, 0], {
    save: true,
  });
  const how = openHow({ flags: O_PATH | O_CLOEXEC, resolve: RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS });
  const part = plan.call(label, 'openat2', [base, subpath, how, OPEN_HOW_BYTES], { save: true });
  plan.close(base);
  return part;
}
