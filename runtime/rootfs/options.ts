import { invalidArgument } from '../../common/errors.ts';
import { MOUNT_ATTR, MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from '../plan/constants.ts';

export interface Propagation {
  /** MS_*. */
  readonly bits: number;
  readonly recursive: boolean;
}

/** A mount's options, sorted into what the new mount calls take. */
export interface MountOptions {
  /** MOUNT_ATTR_* to set and to clear, on this mount alone. */
  readonly set: number;
  readonly clear: number;
  /** The same for the whole tree of a recursive bind: `rro`. */
  readonly setAll: number;
  readonly clearAll: number;
  /** Whether a word says when access times are written: then all of what the mount had of that goes. */
  readonly setsTimes: boolean;
  /** `bind` or `rbind`. */
  readonly bind: 'no' | 'one' | 'tree';
  /** Changes what is mounted there already. */
  readonly remount: boolean;
  /** `idmap` or `ridmap`. */
  readonly idmap: 'no' | 'one' | 'tree';
  readonly copyUp: boolean;
  /** In this order. */
  readonly propagation: readonly Propagation[];
  /** Flags of the file system itself: `sync`, `lazytime`. */
  readonly flags: readonly string[];
  /** What the file system itself understands: `size=64m`, `newinstance`. */
  readonly data: readonly string[];
}

const { RDONLY, NOSUID, NODEV, NOEXEC, ATIME, NOATIME, STRICTATIME, NODIRATIME, NOSYMFOLLOW } = MOUNT_ATTR;

/** [set, clear]. With an `r` in front: for the whole tree. */
const ATTRIBUTES: Readonly<Record<string, readonly [number, number]>> = {
  ro: [RDONLY, 0],
  rw: [0, RDONLY],
  nosuid: [NOSUID, 0],
  suid: [0, NOSUID],
  nodev: [NODEV, 0],
  dev: [0, NODEV],
  noexec: [NOEXEC, 0],
  exec: [0, NOEXEC],
  nosymfollow: [NOSYMFOLLOW, 0],
  symfollow: [0, NOSYMFOLLOW],
  relatime: [0, ATIME],
  norelatime: [0, ATIME],
  atime: [0, ATIME],
  noatime: [NOATIME, ATIME],
  strictatime: [STRICTATIME, ATIME],
  nostrictatime: [0, ATIME],
  nodiratime: [NODIRATIME, 0],
  diratime: [0, NODIRATIME],
};

const TIMES: ReadonlySet<string> = new Set(['noatime', 'nodiratime', 'relatime', 'strictatime']);

const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

/** Flags of a superblock that every file system has (fs/fs_context.c, vfs_parse_sb_flag). */
const FLAGS: readonly string[] = ['sync', 'async', 'dirsync', 'mand', 'nomand', 'lazytime', 'nolazytime'];

/** Words of mount(8) that are a default, or that the kernel takes no notice of any more. */
const MEANINGLESS: readonly string[] = [
  'acl',
  'defaults',
  'iversion',
  'loud',
  'noacl',
  'noiversion',
  'silent',
];
const IGNORED: ReadonlySet<string> = new Set([...MEANINGLESS, 'nofail']);

/** Every word that `parseMountOptions` itself understands (`mountOptions` of runtime-spec features.md). */
export const MOUNT_OPTIONS: readonly string[] = [
  ...Object.keys(ATTRIBUTES).flatMap((name) => [name, `r${name}`]),
  ...Object.keys(PROPAGATION).flatMap((name) => [name, `r${name}`]),
  ...FLAGS,
  ...MEANINGLESS,
  'bind',
  'rbind',
  'remount',
  'idmap',
  'ridmap',
  'tmpcopyup',
].toSorted();

interface Bits {
  readonly set: number;
  readonly clear: number;
}
const NO_BITS: Bits = { set: 0, clear: 0 };

/** A word that chooses what is done, and not how. */
const ACTIONS: Readonly<Record<string, Partial<MountOptions>>> = {
  bind: { bind: 'one' },
  rbind: { bind: 'tree' },
  remount: { remount: true },
  idmap: { idmap: 'one' },
  ridmap: { idmap: 'tree' },
  tmpcopyup: { copyUp: true },
};

/**
 * The later of two contradicting options wins, as in mount(8). What is not known here is for the file system, which refuses what it
 * does not know either.
 */
export function parseMountOptions(options: readonly string[]): MountOptions {
  let actions: Partial<MountOptions> = {};
  let [mount, tree]: [Bits, Bits] = [NO_BITS, NO_BITS];
  const propagation: Propagation[] = [];
  const [flags, data]: [string[], string[]] = [[], []];
  for (const option of options) {
    const one = own(ATTRIBUTES, option);
    const all = option.startsWith('r') ? own(ATTRIBUTES, option.slice(1)) : undefined;
    const action = own(ACTIONS, option);
    const spread = propagationOf(option);
    // "bind" says that it is one, and "rbind" also how far it goes: docker and podman write both.
    if (action !== undefined)
      actions = { ...actions, ...action, ...(actions.bind === 'tree' && { bind: 'tree' }) };
    else if (spread !== undefined) propagation.push(spread);
    else if (one !== undefined) mount = merged(mount, one);
    else if (all !== undefined) tree = merged(tree, all);
    else if (FLAGS.includes(option)) flags.push(option);
    else if (!IGNORED.has(option)) data.push(...splitData(option));
  }
  const common = { bind: 'no', remount: false, idmap: 'no', copyUp: false } as const;
  const action = { ...common, ...actions };
  // A new file system is all of its tree.
  const isNew = action.bind === 'no' && !action.remount;
  return {
    ...action,
    ...(isNew ? merged(mount, [tree.set, tree.clear]) : mount),
    setsTimes: options.some((option) => TIMES.has(option)),
    setAll: tree.set,
    clearAll: tree.clear,
    propagation,
    flags,
    data,
  };
}

const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

/** mount(2) takes data as one text: an option may be several, `mode=755,size=1m`. A comma is kept after a backslash or in quotes. */
const splitData = (option: string): readonly string[] =>
  option.match(/(?:\\.|"[^"]*"|[^,])+/g)?.filter((part) => part !== '') ?? [];

/** Undefined for another word. */
export function propagationOf(word: string): Propagation | undefined {
  const plain = own(PROPAGATION, word);
  if (plain !== undefined) return { bits: plain, recursive: false };
  const bits = word.startsWith('r') ? own(PROPAGATION, word.slice(1)) : undefined;
  return bits === undefined ? undefined : { bits, recursive: true };
}

/** `rootfsPropagation`. Throws `invalid-argument` for another word. */
export function rootPropagation(word: string | undefined): Propagation | undefined {
  if (word === undefined || word === '') return undefined;
  const propagation = propagationOf(word);
  if (propagation === undefined) throw invalidArgument(`rootfsPropagation=${word} is not supported`);
  return propagation;
}

/** Later bits win over earlier ones. */
const merged = (before: Bits, [on, off]: readonly [number, number]): Bits => ({
  set: (before.set & ~off) | on,
  clear: (before.clear & ~on) | off,
});
