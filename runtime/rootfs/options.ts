import { invalidArgument } from '../../common/errors.ts';
import { MOUNT_ATTR, MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from '../plan/constants.ts';

/** A mount's options, sorted into what the new mount calls take. */
export interface MountOptions {
  /** MOUNT_ATTR_* to set and to clear, on this mount alone. */
  readonly set: number;
  readonly clear: number;
  /** The same for the whole tree of a recursive bind: `rro`. */
  readonly setAll: number;
  readonly clearAll: number;
  /** `bind` or `rbind`. */
  readonly bind: 'no' | 'one' | 'tree';
  readonly propagation: { readonly bits: number; readonly recursive: boolean } | undefined;
  /** What the file system itself understands: `size=64m`, `newinstance`. */
  readonly data: readonly string[];
}

const { RDONLY, NOSUID, NODEV, NOEXEC, ATIME, NOATIME, STRICTATIME, NODIRATIME, NOSYMFOLLOW } = MOUNT_ATTR;

/** [set, clear] */
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

const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

const MEANINGLESS: ReadonlySet<string> = new Set(['defaults', 'nofail', 'async']);
const UNSUPPORTED: ReadonlySet<string> = new Set(['tmpcopyup', 'idmap', 'ridmap']);

interface Bits {
  readonly set: number;
  readonly clear: number;
}
const NO_BITS: Bits = { set: 0, clear: 0 };

/** The later of two contradicting options wins, as in mount(8). Throws `invalid-argument` for one that can't be honoured. */
export function parseMountOptions(options: readonly string[]): MountOptions {
  let bind: MountOptions['bind'] = 'no';
  let [mount, tree]: [Bits, Bits] = [NO_BITS, NO_BITS];
  let propagation: MountOptions['propagation'];
  const data: string[] = [];
  for (const option of options) {
    const one = attribute(option);
    const all = option.startsWith('r') ? attribute(option.slice(1)) : undefined;
    const spread = propagationOf(option);
    if (UNSUPPORTED.has(option)) throw invalidArgument(`Mount option "${option}" is not supported`);
    if (option === 'bind') bind = 'one';
    else if (option === 'rbind') bind = 'tree';
    else if (spread !== undefined) propagation = spread;
    else if (one !== undefined) mount = merged(mount, one);
    else if (all !== undefined) tree = merged(tree, all);
    else if (!MEANINGLESS.has(option)) data.push(option);
  }
  return { ...mount, setAll: tree.set, clearAll: tree.clear, bind, propagation, data };
}

const attribute = (name: string): readonly [number, number] | undefined =>
  Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;

/** Bits of MS_*, and whether they are for the whole tree; undefined for another word. */
export function propagationOf(word: string): MountOptions['propagation'] {
  const recursive = word.startsWith('r');
  const bits = PROPAGATION[recursive ? word.slice(1) : word];
  return bits === undefined ? undefined : { bits, recursive };
}

/** Later bits win over earlier ones. */
const merged = (before: Bits, [on, off]: readonly [number, number]): Bits => ({
  set: (before.set & ~off) | on,
  clear: (before.clear & ~on) | off,
});
