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

/** The later of two contradicting options wins, as in mount(8). Throws `invalid-argument` for one that can't be honoured. */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const result = { set: 0, clear: 0, setAll: 0, clearAll: 0, bind: 'no' as MountOptions['bind'] };
  let propagation: MountOptions['propagation'];
  const data: string[] = [];
  for (const option of options) {
    const one = attribute(option);
    const all = option.startsWith('r') ? attribute(option.slice(1)) : undefined;
    const spread = propagationOf(option);
    if (UNSUPPORTED.has(option)) throw invalidArgument(`Mount option "${option}" is not supported`);
    if (option === 'bind') result.bind = 'one';
    else if (option === 'rbind') result.bind = 'tree';
    else if (spread !== undefined) propagation = spread;
    else if (one !== undefined) merge(result, 'set', 'clear', one);
    else if (all !== undefined) merge(result, 'setAll', 'clearAll', all);
    else if (!MEANINGLESS.has(option)) data.push(option);
  }
  return { ...result, propagation, data };
}

const attribute = (name: string): readonly [number, number] | undefined =>
  Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;

/** Bits of MS_*, and whether they are for the whole tree; undefined for another word. */
export function propagationOf(word: string): MountOptions['propagation'] {
  const recursive = word.startsWith('r');
  const bits = PROPAGATION[recursive ? word.slice(1) : word];
  return bits === undefined ? undefined : { bits, recursive };
}

function merge<K extends 'set' | 'setAll', C extends 'clear' | 'clearAll'>(
  target: Record<K | C, number>,
  set: K,
  clear: C,
  [on, off]: readonly [number, number],
): void {
  target[set] = ((target[set] & ~off) | on) as Record<K | C, number>[K];
  target[clear] = ((target[clear] & ~on) | off) as Record<K | C, number>[C];
}
