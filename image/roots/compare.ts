import { constants as fs } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { closeFd, openAt, readLinkAt, S_IFMT, type FileStatus } from '../../native/sys/files.ts';
import { readInto } from '../../native/sys/read.ts';
import { xattrsOfFd } from '../../native/sys/xattr.ts';
import type { PathAspect, PathChange } from '../disk.ts';
import { bytesOf } from '../layers/attributes.ts';
import { shownName } from '../tar/entry.ts';
import {
  find,
  isDirectory,
  isRegular,
  LayerStack,
  namesOf,
  type Found,
  type OpenDirectory,
} from './stack.ts';

const NO_LAYERS: readonly number[] = [];
const S_IFLNK = 0o120000;
const FILE = fs.O_RDONLY | fs.O_NOFOLLOW | fs.O_NONBLOCK;
const BLOCK_BYTES = 256 * 1024;
/** The thread hears its messages so often. */
const BLOCKS_A_TURN = 16;
/** How overlayfs keeps its books is nothing that a container sees. */
const BOOKS = 'trusted.overlay.';

/** Layers' directories, topmost first. */
export interface RootPair {
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** A directory that is still to be compared; without layers on one side, all of the other is new there. */
interface Pending {
  readonly parts: readonly string[];
  readonly from: readonly number[];
  readonly to: readonly number[];
}

interface Sides extends Disposable {
  readonly pair: RootPair;
  readonly from: LayerStack;
  readonly to: LayerStack;
  readonly signal: AbortSignal;
  readonly blocks: readonly [Buffer, Buffer];
}

/** One difference; `now` is readable until the next one is asked for. */
export interface PairChange {
  /** Byte strings. */
  readonly parts: readonly string[];
  readonly kind: PathChange['kind'];
  readonly aspects: readonly PathAspect[];
  readonly now: Found | undefined;
}

/** As `walkPair`, for people. */
export async function* comparePaths(pair: RootPair, signal: AbortSignal): AsyncGenerator<PathChange> {
  for await (const { parts, kind, aspects } of walkPair(pair, signal))
    yield { path: `/${shownName(parts.join('/'))}`, kind, aspects };
}

/**
 * What differs between what two stacks of layers show: one walk over both, each directory before what is in it, sorted by bytes within
 * a directory, first what is no directory. Of a directory that is gone only itself is named. What both have from the same directories
 * of the same layers is not looked at; contents are compared where sizes are equal. Memory holds the names of one directory and of the
 * directories still to come. Blocks its thread between two directories.
 */
export async function* walkPair(pair: RootPair, signal: AbortSignal): AsyncGenerator<PairChange> {
  using sides = openSides(pair, signal);
  const pending: Pending[] = [
    { parts: [], from: pair.from.map((_, layer) => layer), to: pair.to.map((_, layer) => layer) },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    await setImmediate();
    signal.throwIfAborted();
    const below: Pending[] = [];
    yield* compareDirectory(sides, next, below);
    pending.push(...below.reverse());
  }
}

function openSides(pair: RootPair, signal: AbortSignal): Sides {
  const from = new LayerStack(pair.from);
  try {
    const to = new LayerStack(pair.to);
    const dispose = (): void => [from, to].forEach((stack) => stack[Symbol.dispose]());
    const blocks = [Buffer.alloc(BLOCK_BYTES), Buffer.alloc(BLOCK_BYTES)] as const;
    return { pair, from, to, signal, blocks, [Symbol.dispose]: dispose };
  } catch (error) {
    from[Symbol.dispose]();
    throw error;
  }
}

async function* compareDirectory(sides: Sides, at: Pending, below: Pending[]): AsyncGenerator<PairChange> {
  using from = sides.from.open(at.parts, at.from);
  using to = sides.to.open(at.parts, at.to);
  const [before, after] = [foundIn(from), foundIn(to)];
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  for (const name of names) {
    const [old, now] = [before.get(name), after.get(name)];
    const parts = [...at.parts, name];
    if (old !== undefined && now !== undefined && isSame(sides.pair, old, now)) continue;
    const inner = { parts, from: old?.layers ?? NO_LAYERS, to: now?.layers ?? NO_LAYERS };
    if (inner.to.length > 0) below.push(inner);
    const change = await changeOf(sides, { name, parts, old, now });
    if (change !== undefined) yield change;
  }
}

function foundIn(directory: OpenDirectory): Map<string, Found> {
  const all = namesOf(directory).flatMap(([name, where]) => {
    const found = find(name, where);
    return found === undefined ? [] : [[name, found] as const];
  });
  return new Map(all);
}

/** Both come from the same directories on the disk. */
function isSame(pair: RootPair, old: Found, now: Found): boolean {
  const [before, after] = [placesOf(pair.from, old), placesOf(pair.to, now)];
  return before.length === after.length && before.every((place, index) => place === after[index]);
}

const placesOf = (paths: readonly string[], { from, layers }: Found): (string | undefined)[] =>
  (layers.length === 0 ? [from.layer] : layers).map((layer) => paths[layer]);

interface Name {
  readonly name: string;
  readonly parts: readonly string[];
  readonly old: Found | undefined;
  readonly now: Found | undefined;
}

async function changeOf(sides: Sides, { name, parts, old, now }: Name): Promise<PairChange | undefined> {
  if (now === undefined) return { parts, kind: 'deleted', aspects: [], now };
  if (old === undefined) return { parts, kind: 'added', aspects: [], now };
  const aspects = await aspectsOf(sides, { name, old, now });
  return aspects.length === 0 ? undefined : { parts, kind: 'changed', aspects, now };
}

interface Both {
  readonly name: string;
  readonly old: Found;
  readonly now: Found;
}

async function aspectsOf(sides: Sides, both: Both): Promise<PathAspect[]> {
  const { name, old, now } = both;
  const [a, b] = [old.status, now.status];
  if (sides.pair.from[old.from.layer] === sides.pair.to[now.from.layer]) return [];
  if (((a.mode ^ b.mode) & S_IFMT) !== 0) return ['type'];
  const aspects: PathAspect[] = [];
  if (a.mode !== b.mode) aspects.push('mode');
  if (a.uid !== b.uid || a.gid !== b.gid) aspects.push('owner');
  if (a.deviceMajor !== b.deviceMajor || a.deviceMinor !== b.deviceMinor) aspects.push('device');
  if ((a.mode & S_IFMT) === S_IFLNK && linkAt(old, name) !== linkAt(now, name)) aspects.push('content');
  if (isDirectory(a) || isRegular(a)) aspects.push(...(await innerAspects(sides, both)));
  // When something was put into a directory last says nothing about it.
  if (!isDirectory(a) && !isSameTime(a, b)) aspects.push('time');
  return aspects;
}

const isSameTime = ({ mtime: a }: FileStatus, { mtime: b }: FileStatus): boolean =>
  a.seconds === b.seconds && a.nanoseconds === b.nanoseconds;

const linkAt = ({ from }: Found, name: string): string =>
  Buffer.from(readLinkAt(from.fd, bytesOf(name))).toString('latin1');

async function innerAspects(sides: Sides, { name, old, now }: Both): Promise<PathAspect[]> {
  const left = openAt(old.from.fd, bytesOf(name), { flags: FILE });
  try {
    const right = openAt(now.from.fd, bytesOf(name), { flags: FILE });
    try {
      const aspects: PathAspect[] = attributesOf(left) === attributesOf(right) ? [] : ['attributes'];
      const isOther = isRegular(now.status) && !(await hasSameContent(sides, { old, now, left, right }));
      return isOther ? ['content', ...aspects] : aspects;
    } finally {
      closeFd(right);
    }
  } finally {
    closeFd(left);
  }
}

const attributesOf = (fd: number): string =>
  [...xattrsOfFd(fd)]
    .filter(([name]) => !name.startsWith(BOOKS))
    .map(([name, value]) => `${name}=${Buffer.from(value).toString('latin1')}`)
    .sort()
    .join('\0');

async function hasSameContent(
  { blocks: [a, b], signal }: Sides,
  { old, now, left, right }: Omit<Both, 'name'> & { readonly left: number; readonly right: number },
): Promise<boolean> {
  if (old.status.sizeBytes !== now.status.sizeBytes) return false;
  for (let block = 1; ; block += 1) {
    const [first, second] = [readInto(left, a), readInto(right, b)];
    if (first !== second || !a.subarray(0, first).equals(b.subarray(0, second))) return false;
    if (first === 0) return true;
    if (block % BLOCKS_A_TURN === 0) await setImmediate();
    signal.throwIfAborted();
  }
}
