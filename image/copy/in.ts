import { constants as fs } from 'node:fs';
import { internal, invalidArgument, messageOf } from '../../common/errors.ts';
import {
  AT_FDCWD,
  chmodAt,
  closeFd,
  isErrno,
  lchownAt,
  linkAt,
  mkdirAt,
  mknodAt,
  openAt,
  O_PATH,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  setTimesAt,
  setXattrAt,
  statAt,
  symlinkAt,
  truncate,
  writeAll,
  type FileStatus,
} from '../../native/sys/files.ts';
import { removeTreeAt } from '../../native/sys/remove-tree.ts';
import { bytesOf, isOverlays, setAttributes, type Place } from '../layers/attributes.ts';
import { shownName, type TarEntry, type TarSink } from '../tar/entry.ts';
import { TarReader } from '../tar/reader.ts';
import { inflate } from '../workers/inflate.ts';
import type { CopyInJob } from './contract.ts';
import { CopyTarget } from './target.ts';

const NEW_FILE = fs.O_WRONLY | fs.O_CREAT | fs.O_EXCL | fs.O_NOFOLLOW;
const OPEN_DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW;
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xfffff;

type Options = Pick<CopyInJob, 'path' | 'owner' | 'keepKinds'>;

/** Runs a CopyInJob beneath the open root. What was unpacked before a failure stays, as in docker. */
export async function copyIn(
  root: number,
  { options, input, signal }: { options: Options; input: AsyncIterable<Uint8Array>; signal: AbortSignal },
): Promise<void> {
  const target = new CopyTarget(root, options.path, options.owner);
  const sink = copySink(target, options);
  try {
    const reader = new TarReader(sink);
    for await (const chunk of inflate(input, signal)) {
      signal.throwIfAborted();
      reader.push(chunk);
    }
    reader.finish();
    target.finish();
  } finally {
    sink.close();
    target.release();
  }
}

interface OpenFile {
  readonly fd: number;
  readonly entry: TarEntry;
  position: number;
  holes: boolean;
}

function copySink(target: CopyTarget, options: Options): TarSink & { close(): void } {
  let file: OpenFile | undefined;
  const close = (): void => {
    if (file !== undefined) closeFd(file.fd);
    file = undefined;
  };
  return {
    close,
    entry: (entry) => {
      explaining(entry, () => {
        const fd = makeEntry(target, { ...entry, ...options.owner }, options);
        if (fd !== undefined) file = { fd, entry: { ...entry, ...options.owner }, position: 0, holes: false };
      });
    },
    data: (chunk) => {
      if (file === undefined) return;
      const { fd, entry, position } = file;
      explaining(entry, () => writeAll(fd, chunk, position));
      file.position += chunk.byteLength;
    },
    hole: (sizeBytes) => {
      if (file === undefined) return;
      file.holes = true;
      file.position += sizeBytes;
    },
    end: () => {
      if (file === undefined) return;
      const { fd, entry, position, holes } = file;
      explaining(entry, () => {
        if (holes) truncate(fd, position);
        setAttributes(fd, entry);
      });
      close();
    },
  };
}

/** Returns a file whose data is to come. */
function makeEntry(target: CopyTarget, entry: TarEntry, { keepKinds }: Options): number | undefined {
  const parts = partsOf(target, entry.name);
  const name = parts.at(-1);
  if (name === undefined) {
    if (entry.type !== 'directory')
      throw invalidArgument(`cannot unpack "${shownName(entry.name)}": no name`);
    return undefined;
  }
  const place = { fd: target.directory(parts.slice(0, -1)), name };
  if (entry.type !== 'hardlink' || partsOf(target, entry.linkName).join('/') !== parts.join('/')) {
    clear(place, { entry, shown: target.shown(parts), keepKinds });
  }
  switch (entry.type) {
    case 'file':
      return openAt(place.fd, bytesOf(name), { flags: NEW_FILE, mode: 0o600 });
    case 'directory':
      makeDirectory(place, entry);
      target.listed(parts, entry.mtime);
      return undefined;
    case 'symlink':
      symlinkAt(bytesOf(entry.linkName), place.fd, bytesOf(name));
      setNodeAttributes(place, entry);
      return undefined;
    case 'hardlink':
      makeHardLink(target, place, entry);
      return undefined;
    case 'character-device':
    case 'block-device':
    case 'fifo':
      mknodAt(place.fd, bytesOf(name), nodeOf(entry));
      setNodeAttributes(place, entry);
  }
  return undefined;
}

/** A name in the archive: what leads out of the target is refused, in docker's words. */
function partsOf(target: CopyTarget, name: string): string[] {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) {
      throw invalidArgument(`"${shownName(name)}" is outside of "${target.shown([])}"`);
    }
  }
  return parts;
}

/** Takes away what is to be replaced; a directory that becomes one stays. Source of the texts: moby pkg/archive/archive.go, Unpack. */
function clear(
  place: Place,
  {
    entry,
    shown,
    keepKinds,
  }: { readonly entry: TarEntry; readonly shown: string; readonly keepKinds: boolean },
): void {
  const before = statusAt(place);
  if (before === undefined) return;
  const [wasDirectory, isDirectory] = [(before.mode & S_IFMT) === S_IFDIR, entry.type === 'directory'];
  if (keepKinds && wasDirectory && !isDirectory) {
    throw invalidArgument(
      `cannot overwrite directory "${shown}" with non-directory "${shownName(entry.name)}"`,
    );
  }
  if (keepKinds && !wasDirectory && isDirectory) {
    throw invalidArgument(
      `cannot overwrite non-directory "${shown}" with directory "${shownName(entry.name)}"`,
    );
  }
  if (!wasDirectory || !isDirectory) removeTreeAt(place.fd, bytesOf(place.name));
}

function statusAt(place: Place): FileStatus | undefined {
  try {
    return statAt(place.fd, bytesOf(place.name));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function makeDirectory(place: Place, entry: TarEntry): void {
  const name = bytesOf(place.name);
  try {
    mkdirAt(place.fd, name, 0o700);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
  const fd = openAt(place.fd, name, { flags: OPEN_DIRECTORY });
  try {
    setAttributes(fd, entry);
  } finally {
    closeFd(fd);
  }
}

function makeHardLink(target: CopyTarget, place: Place, entry: TarEntry): void {
  const from = partsOf(target, entry.linkName);
  const source = from.at(-1);
  if (source === undefined) throw invalidArgument(`invalid hardlink "${shownName(entry.name)}"`);
  const fd = target.existing(from.slice(0, -1));
  try {
    const to = { fd: place.fd, path: bytesOf(place.name) };
    linkAt({ fd, path: bytesOf(source) }, to);
  } catch (error) {
    // A link to itself.
    if (!isErrno(error, 'EEXIST')) throw error;
  } finally {
    closeFd(fd);
  }
}

/**
 * Of a symbolic link, a device or a FIFO. The container may have put something else there meanwhile: the mode is set through a
 * descriptor of what is looked at first, never through a name that could be a symbolic link by now.
 */
function setNodeAttributes(place: Place, entry: TarEntry): void {
  const name = bytesOf(place.name);
  lchownAt(place.fd, name, entry);
  if (entry.type !== 'symlink') {
    const fd = openAt(place.fd, name, { flags: O_PATH | fs.O_NOFOLLOW });
    try {
      const kind = statAt(fd, '').mode & S_IFMT;
      if (kind === TYPES[entry.type as keyof typeof TYPES]) {
        chmodAt(AT_FDCWD, `/proc/self/fd/${fd}`, entry.mode);
      }
    } finally {
      closeFd(fd);
    }
  }
  for (const [key, value] of entry.xattrs) {
    if (!isOverlays(key)) setXattr(place, { name: bytesOf(key), value: bytesOf(value) });
  }
  setTimesAt(place.fd, name, entry);
}

function setXattr(place: Place, attribute: Parameters<typeof setXattrAt>[2]): void {
  try {
    setXattrAt(place.fd, bytesOf(place.name), attribute);
  } catch (error) {
    if (!isErrno(error, 'EOPNOTSUPP', 'EPERM')) throw error;
  }
}

const TYPES = { 'character-device': S_IFCHR, 'block-device': S_IFBLK, fifo: S_IFIFO } as const;

function nodeOf(entry: TarEntry): { mode: number; major: number; minor: number } {
  const mode = TYPES[entry.type as keyof typeof TYPES] | (entry.mode & 0o777);
  if (entry.type === 'fifo') return { mode, major: 0, minor: 0 };
  const { deviceMajor: major, deviceMinor: minor } = entry;
  if (major < 0 || major > MAX_MAJOR || minor < 0 || minor > MAX_MINOR) {
    throw invalidArgument(`invalid device number ${major}:${minor} of "${shownName(entry.name)}"`);
  }
  return { mode, major, minor };
}

/** What a machine may lack, and what is the container's, in the words that everybody knows. */
const WORDS = {
  ENOSPC: 'no space left on device',
  EDQUOT: 'disk quota exceeded',
  EROFS: 'read-only file system',
  EBUSY: 'device or resource busy',
  ENOTDIR: 'not a directory',
  ELOOP: 'too many levels of symbolic links',
  EEXIST: 'file exists',
} as const;

function explaining(entry: TarEntry, act: () => void): void {
  try {
    act();
  } catch (error) {
    const words = Object.entries(WORDS).find(([errno]) => isErrno(error, errno))?.[1];
    if (words === undefined) throw error;
    throw internal(`Cannot unpack "${shownName(entry.name)}": ${words}`, { cause: messageOf(error) });
  }
}
