import { invalidArgument } from '../../common/errors.ts';
import type { Header } from './header.ts';
import { storedBytes } from './make-entry.ts';
import { parsePaxNumber } from './pax.ts';
import { listedMap, oldMap, oldSparseSize, paxMap, type MapReader } from './sparse.ts';

/** A sparse file of an archive, whose map may still have to be read. */
export interface SparseFile {
  /** With its holes. */
  readonly sizeBytes: number;
  readonly map: MapReader;
  /** Bytes that the archive holds behind the map. */
  readonly storedBytes: () => number;
}

/**
 * What a member's headers say of holes; undefined for a file without. Knows GNU's old format and its pax formats 0.0, 0.1 and 1.0
 * (GNU tar manual, "Storing Sparse Files"). Throws `invalid-argument`.
 */
export function sparseFile(member: {
  readonly header: Header;
  readonly block: Uint8Array;
  readonly pax: ReadonlyMap<string, string>;
}): SparseFile | undefined {
  const { header, block, pax } = member;
  const stored = storedBytes(header, pax);
  const sized = (key: string): number => parsePaxNumber(key, pax.get(key) ?? '');
  if (header.typeFlag === 'S') {
    return { sizeBytes: oldSparseSize(block), map: oldMap(block), storedBytes: () => stored };
  }
  const [major, minor] = [pax.get('GNU.sparse.major'), pax.get('GNU.sparse.minor')];
  if (major === '1' && minor === '0') {
    const map = paxMap();
    return { sizeBytes: sized('GNU.sparse.realsize'), map, storedBytes: () => stored - map.bytes };
  }
  const listed = pax.get('GNU.sparse.map');
  if (listed !== undefined) {
    const map = { done: true, segments: listedMap(listed), push: () => {} };
    return { sizeBytes: sized('GNU.sparse.size'), map, storedBytes: () => stored };
  }
  if (major === undefined || (major === '0' && pax.has('GNU.sparse.size'))) return undefined;
  throw invalidArgument(`invalid tar header: sparse files of format ${major}.${minor} are not known`);
}
