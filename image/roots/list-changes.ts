import type { FileStatus, Timestamp } from '../../native/sys/files.ts';
import type { Change } from '../archives.ts';
import { shownName } from '../tar/entry.ts';
import { attribute, isDirectory } from './stack.ts';
import { walkUpper, type Below, type UpperItem } from './upper.ts';

/**
 * How the tree of `upper` over `lowers` differs from that of `lowers` alone, as docker reports it: a directory counts as modified
 * when something in it is; what a removed directory held is not named. Sorted by path. Blocks its thread.
 */
export function listChanges(upper: string, lowers: readonly string[]): Change[] {
  const kinds = new Map<string, Change['kind']>();
  for (const item of walkUpper(upper, lowers)) {
    const kind = kindOf(item);
    if (kind === undefined) continue;
    const path = item.parts.join('/');
    kinds.set(path, kind);
    markAbove(kinds, path);
  }
  return [...kinds]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, kind]) => ({ path: `/${shownName(path)}`, kind }));
}

/** Directories come before what is in them, so what is there already stays. */
function markAbove(kinds: Map<string, Change['kind']>, path: string): void {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const above = path.slice(0, slash);
    if (kinds.has(above)) return;
    kinds.set(above, 'modified');
  }
}

function kindOf(item: UpperItem): Change['kind'] | undefined {
  if (item.parts.length === 0) return undefined;
  if (item.kind === 'hidden') return 'deleted';
  if (item.kind === 'whiteout') return item.below === undefined ? undefined : 'deleted';
  if (item.below === undefined) return 'added';
  return differs(item, item.below) ? 'modified' : undefined;
}

function differs(item: Extract<UpperItem, { kind: 'entry' }>, below: Below): boolean {
  if (isOther(item.status, below.status)) return true;
  if (below.fd === undefined || isDirectory(item.status)) return false;
  return capability(item.fd, item.name) !== capability(below.fd, item.name);
}

/** Size and time of a directory say nothing about what the container did. */
function isOther(now: FileStatus, before: FileStatus): boolean {
  const keys = ['mode', 'uid', 'gid', 'deviceMajor', 'deviceMinor'] as const;
  if (keys.some((key) => now[key] !== before[key])) return true;
  if (isDirectory(now)) return false;
  return now.sizeBytes !== before.sizeBytes || !isSameTime(now.mtime, before.mtime);
}

/** Some archives state whole seconds only. */
const isSameTime = (a: Timestamp, b: Timestamp): boolean =>
  a.seconds === b.seconds && (a.nanoseconds === b.nanoseconds || a.nanoseconds === 0 || b.nanoseconds === 0);

const capability = (fd: number, name: string): string | undefined =>
  attribute(fd, name, 'security.capability');
