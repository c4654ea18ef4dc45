import { invalidArgument } from '../../common/errors.ts';
import { shownName } from '../tar/entry.ts';

const WHITEOUT = '.wh.';
const AUFS_PREFIX = '.wh..wh.';
const OPAQUE = '.wh..wh..opq';
/** Where AUFS kept files with several names; members of an old layer may be hard links to what lies here. */
export const PSEUDO_LINKS = '.wh..wh.plnk';

/** Each level costs a look-up of all above it: a name of a megabyte would keep a processor busy for an hour. Paths have 2048 at most. */
const MAX_DEPTH = 4096;

/**
 * The components of a name in a layer, cleaned lexically: an absolute name counts from the layer's root, `.` and empty parts are
 * dropped, `..` takes back what is before it. Empty for the root itself. Throws `invalid-argument` for a name that leaves the root.
 */
export function layerPath(name: string): string[] {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) {
      throw invalidArgument(`invalid layer: "${shownName(name)}" is outside of the root`);
    }
  }
  if (parts.length > MAX_DEPTH) {
    throw invalidArgument(
      `invalid layer: "${shownName(name).slice(0, 80)}..." is more than ${MAX_DEPTH} deep`,
    );
  }
  return parts;
}

/** What a name in a layer asks for (image-spec layer.md, "Whiteouts"). */
export type LayerName =
  | { readonly kind: 'entry' }
  /** Hides `name` of the layers below. */
  | { readonly kind: 'whiteout'; readonly name: string }
  /** Hides all that the layers below have in this directory. */
  | { readonly kind: 'opaque' }
  /** Unpacked for hard links to find it, and removed in the end. */
  | { readonly kind: 'pseudo-link' }
  /** Bookkeeping of AUFS, which has no meaning outside of it. */
  | { readonly kind: 'ignored' };

/** Classifies the components of a name; throws `invalid-argument` for a whiteout of nothing. */
export function classify(parts: readonly string[]): LayerName {
  const last = parts.at(-1) ?? '';
  if (last === OPAQUE) return { kind: 'opaque' };
  if (parts[0] === PSEUDO_LINKS && parts.length === 2) return { kind: 'pseudo-link' };
  if (parts.some((part) => part.startsWith(AUFS_PREFIX))) return { kind: 'ignored' };
  if (!last.startsWith(WHITEOUT)) return { kind: 'entry' };
  const name = last.slice(WHITEOUT.length);
  if (name === '' || name === '.' || name === '..') {
    throw invalidArgument(`invalid layer: invalid whiteout entry "${shownName(parts.join('/'))}"`);
  }
  return { kind: 'whiteout', name };
}
