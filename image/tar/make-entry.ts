import { invalidArgument } from '../../common/errors.ts';
import type { EntryType, TarEntry } from './entry.ts';
import { shownName } from './entry.ts';
import type { Header } from './header.ts';
import { parsePaxNumber, parsePaxTime } from './pax.ts';

const XATTR_PREFIX = 'SCHILY.xattr.';
/** The kernel keeps ids in 32 bits, and -1 means "leave it". */
const MAX_ID = 0xfffffffe;

const TYPES: Readonly<Record<string, EntryType>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};

interface Extensions {
  readonly pax: ReadonlyMap<string, string>;
  readonly name: string | undefined;
  readonly linkName: string | undefined;
}

/** Applies extended headers to a header block: pax beats GNU, GNU beats the block. Throws `invalid-argument`. */
export function makeEntry(header: Header, extensions: Extensions): TarEntry {
  const { pax } = extensions;
  const name = checkedName(pax.get('GNU.sparse.name') ?? pax.get('path') ?? extensions.name ?? header.name);
  const type = typeOf(header, name);
  const size = storedBytes(header, pax);
  if (size < 0) throw invalidArgument(`invalid tar header: size ${size} of "${shownName(name)}"`);
  const mtime = timeOf(pax, 'mtime') ?? { seconds: header.mtimeSeconds, nanoseconds: 0 };
  return {
    type,
    name,
    linkName: checkedName(pax.get('linkpath') ?? extensions.linkName ?? header.linkName),
    mode: header.mode & 0o7777,
    uid: idOf(numeric(pax, 'uid', header.uid), name),
    gid: idOf(numeric(pax, 'gid', header.gid), name),
    size: type === 'file' ? size : 0,
    mtime,
    atime: timeOf(pax, 'atime') ?? mtime,
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
    xattrs: xattrsOf(pax),
  };
}

/** Bytes that the archive holds of a file. */
export const storedBytes = (header: Header, pax: Extensions['pax']): number =>
  numeric(pax, 'size', header.size);

function typeOf(header: Header, name: string): EntryType {
  const type = TYPES[header.typeFlag];
  if (type === undefined) {
    const what = `type ${JSON.stringify(header.typeFlag)}`;
    throw invalidArgument(`cannot read "${shownName(name)}" from a tar archive: ${what} is not supported`);
  }
  // Before ustar, a directory was a file whose name ends in a slash.
  return type === 'file' && name.endsWith('/') ? 'directory' : type;
}

const numeric = (pax: ReadonlyMap<string, string>, key: string, otherwise: number): number => {
  const text = pax.get(key);
  return text === undefined || text === '' ? otherwise : parsePaxNumber(key, text);
};

const timeOf = (pax: ReadonlyMap<string, string>, key: string): TarEntry['mtime'] | undefined => {
  const text = pax.get(key);
  return text === undefined || text === '' ? undefined : parsePaxTime(text);
};

function idOf(id: number, name: string): number {
  if (id < 0 || id > MAX_ID) throw invalidArgument(`invalid tar header: owner ${id} of "${shownName(name)}"`);
  return id;
}

function checkedName(name: string): string {
  if (name.includes('\0')) throw invalidArgument(`invalid tar header: NUL in "${shownName(name)}"`);
  return name;
}

function xattrsOf(pax: ReadonlyMap<string, string>): Map<string, string> {
  const records = [...pax].filter(([key]) => key.startsWith(XATTR_PREFIX) && !key.includes('\0'));
  return new Map(records.map(([key, value]) => [key.slice(XATTR_PREFIX.length), value]));
}
