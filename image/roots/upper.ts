import { internal } from '../../common/errors.ts';
import type { FileStatus } from '../../native/sys/files.ts';
import {
  attribute,
  find,
  isDirectory,
  isOpaque,
  isRegular,
  isWhiteout,
  LayerStack,
  namesOf,
  statusAt,
  type Found,
  type OpenDirectory,
} from './stack.ts';
import type { Visited } from './walk.ts';

/** One thing that an upper directory says. Valid until the next one is asked for. */
export type UpperItem =
  | (Visited & {
      readonly kind: 'entry';
      /** What the layers below show at this path. */
      readonly below: Below | undefined;
      /** Hides all that the layers below have in it. */
      readonly opaque: boolean;
    })
  | { readonly kind: 'whiteout'; readonly parts: readonly string[]; readonly below: Below | undefined }
  /** A name below that an opaque directory hides, and that is not made anew in it. */
  | { readonly kind: 'hidden'; readonly parts: readonly string[] };

export interface Below {
  readonly status: FileStatus;
  /** Where its extended attributes can be read; not for a directory. */
  readonly fd: number | undefined;
}

interface Pending {
  readonly parts: readonly string[];
  readonly below: Below | undefined;
  /** The layers below whose directory of this path shows there. */
  readonly layers: readonly number[];
  /** A directory above is opaque. */
  readonly hidden: boolean;
}

/**
 * All that an overlay's upper directory says about the layers below it, each directory before what is in it, in an order that
 * depends on the names alone. Mount points that a container's start made are left out, as docker keeps them in a layer of their own.
 */
export function* walkUpper(upper: string, lowers: readonly string[]): Generator<UpperItem> {
  using own = new LayerStack([upper]);
  using others = new LayerStack(lowers);
  const layers = lowers.map((_, layer) => layer);
  const pending: Pending[] = [{ parts: [], below: rootBelow(others, layers), layers, hidden: false }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    using directory = own.open(next.parts, [0]);
    using lower = others.open(next.parts, next.layers);
    const below: Pending[] = [];
    yield* readDirectory(next, { directory, lower, below });
    pending.push(...below.reverse());
  }
}

function rootBelow(others: LayerStack, layers: readonly number[]): Below | undefined {
  using root = others.open([], layers.slice(0, 1));
  const [top] = root.layers;
  const status = top === undefined ? undefined : statusAt(top.fd, '.');
  return status === undefined ? undefined : { status, fd: undefined };
}

interface Reading {
  readonly directory: OpenDirectory;
  readonly lower: OpenDirectory;
  /** Gets the directories in it. */
  readonly below: Pending[];
}

function* readDirectory(
  { parts, below: beneath, hidden: above }: Pending,
  { directory, lower, below }: Reading,
): Generator<UpperItem> {
  const [top] = directory.layers;
  const self = top === undefined ? undefined : statusAt(top.fd, '.');
  if (top === undefined || self === undefined) return;
  checkKnown(top.fd, '.');
  const opaque = isOpaque(top.fd, '.');
  const hidden = above || opaque;
  yield { kind: 'entry', parts, fd: top.fd, name: '.', status: self, below: beneath, opaque };
  const lowerNames = new Map(namesOf(lower));
  for (const [name] of namesOf(directory)) {
    const at = [...parts, name];
    const found = find(name, lowerNames.get(name) ?? []);
    lowerNames.delete(name);
    const status = statusAt(top.fd, name);
    if (status === undefined || isOwnMountPoint(at, status, found)) continue;
    const there = found === undefined ? undefined : belowOf(found);
    if (isWhiteout(top.fd, name, status)) yield { kind: 'whiteout', parts: at, below: there };
    else if (isDirectory(status)) {
      below.push({ parts: at, below: there, layers: found?.layers ?? [], hidden });
    } else {
      checkKnown(top.fd, name);
      yield { kind: 'entry', parts: at, fd: top.fd, name, status, below: there, opaque: false };
    }
  }
  if (!hidden) return;
  for (const [name, where] of lowerNames) {
    if (find(name, where) !== undefined) yield { kind: 'hidden', parts: [...parts, name] };
  }
}

const belowOf = ({ status, from }: Found): Below => ({
  status,
  fd: isDirectory(status) ? undefined : from.fd,
});

/** Content that is elsewhere: overlayfs writes this only with options that our mounts don't have. */
function checkKnown(fd: number, name: string): void {
  for (const key of ['trusted.overlay.redirect', 'trusted.overlay.metacopy']) {
    if (attribute(fd, name, key) !== undefined) {
      throw internal(`Cannot read a snapshot that was mounted with the overlay feature of ${key}`);
    }
  }
}

const MOUNTED_DIRECTORIES = new Set(['dev', 'proc', 'sys']);
const MOUNTED_FILES = new Set(['etc/hosts', 'etc/hostname', 'etc/resolv.conf']);

/** In an image without them a start makes these, to mount there: nothing that the container did. */
function isOwnMountPoint(parts: readonly string[], status: FileStatus, found: Found | undefined): boolean {
  if (found !== undefined) return false;
  const path = parts.join('/');
  if (isDirectory(status)) return MOUNTED_DIRECTORIES.has(path);
  return isRegular(status) && status.sizeBytes === 0 && MOUNTED_FILES.has(path);
}
