import { constants as fs } from 'node:fs';
import {
  AT_FDCWD,
  closeFd,
  namesIn,
  openAt,
  readLinkAt,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  statAt,
  type FileStatus,
} from '../../native/sys/files.ts';
import { readInto } from '../../native/sys/read.ts';
import { xattrsOfFd } from '../../native/sys/xattr.ts';

export interface TreePair {
  readonly left: string;
  readonly right: string;
  /** Directories whose times say nothing: byte strings relative to the root, which is empty. */
  readonly timeless: readonly string[];
  /** Directories of which nothing is compared but what is in them. */
  readonly unchecked: readonly string[];
}

const DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW;
const FILE = fs.O_RDONLY | fs.O_NOFOLLOW | fs.O_NONBLOCK;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const BLOCK_BYTES = 1 << 20;

interface Walk {
  readonly timeless: ReadonlySet<string>;
  readonly unchecked: ReadonlySet<string>;
  readonly blocks: readonly [Buffer, Buffer];
  readonly signal: AbortSignal;
}

interface Pair {
  readonly left: number;
  readonly right: number;
  /** Relative to the roots, a byte string. */
  readonly path: string;
  readonly depth: number;
}

/** Each level holds two descriptors. */
const MAX_DEPTH = 256;

/**
 * The first difference between two trees that nobody changes meanwhile, in words; undefined when there is none. Compares names, types,
 * modes, owners, modification times, devices, link targets, numbers of links, extended attributes of files and directories, and
 * contents; not what is deeper than 256 directories. Blocks its thread.
 */
export function compareTrees(trees: TreePair, signal: AbortSignal): string | undefined {
  const walk: Walk = {
    timeless: new Set(trees.timeless),
    unchecked: new Set(trees.unchecked),
    blocks: [Buffer.alloc(BLOCK_BYTES), Buffer.alloc(BLOCK_BYTES)],
    signal,
  };
  const { left, right } = trees;
  return opened({ left: AT_FDCWD, right: AT_FDCWD }, { names: [left, right], flags: DIRECTORY }, (fds) =>
    compareDirectories(walk, { ...fds, path: '', depth: 0 }),
  );
}

function compareDirectories(walk: Walk, pair: Pair): string | undefined {
  walk.signal.throwIfAborted();
  const [left, right] = [namesOf(pair.left), namesOf(pair.right)];
  const odd = [...left.symmetricDifference(right)].sort()[0];
  if (odd !== undefined)
    return `"${shown(below(pair.path, odd))}" is ${left.has(odd) ? 'too many' : 'missing'}`;
  for (const name of left) {
    const different = compareEntry(walk, pair, name);
    if (different !== undefined) return different;
  }
  if (walk.unchecked.has(pair.path)) return undefined;
  // After what is in it: that tells more than its time.
  const status = [statAt(pair.left, ''), statAt(pair.right, '')] as const;
  return compareStatus(walk, { ...pair, status }) ?? compareAttributes(pair);
}

function compareEntry(walk: Walk, pair: Pair, name: string): string | undefined {
  const bytes = Buffer.from(name, 'latin1');
  const path = below(pair.path, name);
  const status = [statAt(pair.left, bytes), statAt(pair.right, bytes)] as const;
  const kind = status[1].mode & S_IFMT;
  if ((status[0].mode & S_IFMT) !== kind) return `"${shown(path)}" is of another type`;
  const names = [bytes, bytes] as const;
  if (kind === S_IFDIR) {
    if (pair.depth === MAX_DEPTH) return undefined;
    return opened(pair, { names, flags: DIRECTORY }, (fds) =>
      compareDirectories(walk, { ...fds, path, depth: pair.depth + 1 }),
    );
  }
  const found = compareStatus(walk, { ...pair, path, status });
  if (found !== undefined || (kind !== S_IFREG && kind !== S_IFLNK)) return found;
  if (kind === S_IFLNK) return compareLinks(pair, bytes, path);
  return opened(pair, { names, flags: FILE }, (fds) => {
    const inner = { ...pair, ...fds, path };
    return compareAttributes(inner) ?? compareContents(walk, inner);
  });
}

function compareStatus(
  walk: Walk,
  { path, status: [a, b] }: Pair & { readonly status: readonly [FileStatus, FileStatus] },
): string | undefined {
  const kind = b.mode & S_IFMT;
  const different = (what: string): string => `"${shown(path)}" has another ${what}`;
  if (a.mode !== b.mode) return different('mode');
  if (a.uid !== b.uid || a.gid !== b.gid) return different('owner');
  if (kind === S_IFDIR) return sameTime(a, b) || walk.timeless.has(path) ? undefined : different('time');
  if (a.sizeBytes !== b.sizeBytes) return different('size');
  if (a.links !== b.links) return different('number of links');
  if (a.deviceMajor !== b.deviceMajor || a.deviceMinor !== b.deviceMinor) return different('device number');
  const isWhiteout = kind === S_IFCHR && b.deviceMajor === 0 && b.deviceMinor === 0;
  return isWhiteout || sameTime(a, b) ? undefined : different('time');
}

const sameTime = ({ mtime: a }: FileStatus, { mtime: b }: FileStatus): boolean =>
  a.seconds === b.seconds && a.nanoseconds === b.nanoseconds;

function compareAttributes({ left, right, path }: Pair): string | undefined {
  const text = (fd: number): string =>
    [...xattrsOfFd(fd)]
      .map(([name, value]) => `${name}=${Buffer.from(value).toString('latin1')}`)
      .sort()
      .join('\0');
  return text(left) === text(right) ? undefined : `"${shown(path)}" has other extended attributes`;
}

function compareContents({ blocks: [a, b], signal }: Walk, { left, right, path }: Pair): string | undefined {
  for (;;) {
    signal.throwIfAborted();
    const [first, second] = [readInto(left, a), readInto(right, b)];
    if (first !== second || !a.subarray(0, first).equals(b.subarray(0, second))) {
      return `"${shown(path)}" has another content`;
    }
    if (first === 0) return undefined;
  }
}

function compareLinks({ left, right }: Pair, name: Uint8Array, path: string): string | undefined {
  const [a, b] = [readLinkAt(left, name), readLinkAt(right, name)];
  return Buffer.compare(a, b) === 0 ? undefined : `"${shown(path)}" leads elsewhere`;
}

const namesOf = (fd: number): Set<string> =>
  new Set(namesIn(fd).map((name) => Buffer.from(name).toString('latin1')));

const below = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);

/** A byte string for people. */
const shown = (path: string): string => (path === '' ? '.' : Buffer.from(path, 'latin1').toString());

interface Opening {
  readonly names: readonly [string | Uint8Array, string | Uint8Array];
  readonly flags: number;
}

function opened<T>(
  at: { readonly left: number; readonly right: number },
  { names, flags }: Opening,
  use: (fds: { readonly left: number; readonly right: number }) => T,
): T {
  const left = openAt(at.left, names[0], { flags });
  try {
    const right = openAt(at.right, names[1], { flags });
    try {
      return use({ left, right });
    } finally {
      closeFd(right);
    }
  } finally {
    closeFd(left);
  }
}
