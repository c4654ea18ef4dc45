import { constants as fs } from 'node:fs';
import { internal, invalidArgument, messageOf } from '../../common/errors.ts';
import {
  closeFd,
  isErrno,
  linkAt,
  mkdirAt,
  mknodAt,
  openAt,
  setXattrFd,
  statAt,
  symlinkAt,
  truncate,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  writeAll,
  type FileStatus,
} from '../../native/sys/files.ts';
import { removeTreeAt } from '../../native/sys/remove-tree.ts';
import { shownName, type TarEntry, type TarSink } from '../tar/entry.ts';
import {
  bytesOf,
  OPAQUE_XATTR,
  setAttributes,
  setAttributesAt,
  UNKNOWN,
  type Birth,
  type Place,
} from './attributes.ts';
import { classify, layerPath, PSEUDO_LINKS } from './path.ts';
import type { LayerTree } from './tree.ts';

const NEW_FILE = fs.O_WRONLY | fs.O_CREAT | fs.O_EXCL | fs.O_NOFOLLOW;
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xfffff;

/** A tar sink that unpacks a layer. `close` after the last entry, or after a failure. */
export interface LayerSink extends TarSink {
  readonly result: { readonly sizeBytes: number; readonly opaqueRoot: boolean };
  /** Call after the last entry. */
  finish(): void;
  close(): void;
}

/**
 * Unpacks the entries of a layer into `tree`, in overlayfs' terms: a whiteout becomes a character device 0/0, an opaque directory
 * gets `trusted.overlay.opaque`. A later entry replaces an earlier one of the same name, a directory merges with a directory.
 * Source: image-spec layer.md; Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
 */
export function layerSink(tree: LayerTree): LayerSink {
  const result: Result = { sizeBytes: 0, opaqueRoot: false, pseudoLinks: false };
  let file: (NewFile & { readonly entry: TarEntry }) | undefined;
  /** Where its next byte goes. */
  let position = 0;
  let holes = false;
  const close = (): void => {
    if (file !== undefined) closeFd(file.fd);
    file = undefined;
  };
  return {
    get result() {
      const { sizeBytes, opaqueRoot } = result;
      return { sizeBytes, opaqueRoot };
    },
    finish: () => {
      if (result.pseudoLinks) removeTreeAt(tree.directory([]), PSEUDO_LINKS);
    },
    entry: (entry) => {
      try {
        const made = applyEntry(tree, entry, result);
        if (made !== undefined) file = { ...made, entry };
        position = 0;
        holes = false;
      } catch (error) {
        throw explained(error, entry);
      }
    },
    data: (chunk) => {
      if (file === undefined) return;
      try {
        writeAll(file.fd, chunk, position);
      } catch (error) {
        throw explained(error, file.entry);
      }
      position += chunk.byteLength;
      result.sizeBytes += chunk.byteLength;
    },
    hole: (sizeBytes) => {
      if (file === undefined) return;
      holes = true;
      position += sizeBytes;
      result.sizeBytes += sizeBytes;
    },
    end: () => {
      if (file === undefined) return;
      try {
        // A hole at the end is no data that would have made the file so long.
        if (holes) truncate(file.fd, position);
        setAttributes(file.fd, file.entry, file.birth);
      } catch (error) {
        throw explained(error, file.entry);
      }
      close();
    },
    close,
  };
}

/** From `E2BIG`: attributes and files larger than the file system knows, more links than it counts. ENOENT: a link to nothing at all. */
const FAULTS = [
  ...['ELOOP', 'ENAMETOOLONG', 'ENOTDIR', 'EINVAL', 'ENOENT', 'EEXIST'],
  ...['E2BIG', 'ERANGE', 'EFBIG', 'EMLINK'],
];

/** What a machine may lack, in the words that everybody knows. */
const LACKS = {
  ENOSPC: 'no space left on device',
  EDQUOT: 'disk quota exceeded',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files in system',
} as const;

/** What a name in the archive brought about is the archive's fault; a full disk is not. */
function explained(error: unknown, entry: TarEntry): unknown {
  if (isErrno(error, ...FAULTS)) {
    return invalidArgument(`invalid layer: "${shownName(entry.name)}": ${messageOf(error)}`, {
      cause: error,
    });
  }
  const lack = Object.entries(LACKS).find(([errno]) => isErrno(error, errno));
  if (lack === undefined) return error;
  return internal(`Cannot unpack "${shownName(entry.name)}": ${lack[1]}`, { cause: error });
}

/** A file whose data and attributes are still to come. */
interface NewFile {
  readonly fd: number;
  readonly birth: Birth;
}

interface Result {
  sizeBytes: number;
  opaqueRoot: boolean;
  pseudoLinks: boolean;
}

function applyEntry(tree: LayerTree, entry: TarEntry, result: Result): NewFile | undefined {
  const parts = layerPath(entry.name);
  const name = parts.at(-1);
  if (name === undefined) {
    applyRoot(tree, entry);
    return undefined;
  }
  const what = classify(parts);
  if (what.kind === 'ignored') return undefined;
  const above = parts.slice(0, -1);
  const place = { fd: tree.directory(above), name };
  switch (what.kind) {
    case 'opaque':
      setXattrFd(place.fd, OPAQUE_XATTR);
      if (above.length === 0) result.opaqueRoot = true;
      break;
    case 'whiteout':
      whiteout({ ...place, name: what.name });
      break;
    case 'pseudo-link':
      result.pseudoLinks = true;
      return makeEntry(tree, { place, entry });
    case 'entry':
      return makeEntry(tree, { place, entry });
  }
  return undefined;
}

function applyRoot(tree: LayerTree, entry: TarEntry): void {
  if (entry.type !== 'directory') throw invalidArgument('invalid layer: its root is no directory');
  tree.release();
  tree.listed(tree.root, entry);
  setAttributes(tree.root, entry);
}

function makeEntry(
  tree: LayerTree,
  { place, entry }: { place: Place; entry: TarEntry },
): NewFile | undefined {
  const name = bytesOf(place.name);
  switch (entry.type) {
    case 'file': {
      const birth = tree.birth(entry.mode);
      const mode = birth.mode ?? 0o600;
      return { fd: replacing(place, () => openAt(place.fd, name, { flags: NEW_FILE, mode })), birth };
    }
    case 'directory':
      makeDirectory(tree, place, entry);
      break;
    case 'symlink':
      replacing(place, () => symlinkAt(bytesOf(entry.linkName), place.fd, name));
      setAttributesAt(place, entry, tree.birth(0));
      break;
    case 'hardlink':
      makeHardLink(tree, entry);
      break;
    case 'character-device':
    case 'block-device':
    case 'fifo':
      replacing(place, () => mknodAt(place.fd, name, nodeOf(entry)));
      setAttributesAt(place, entry, tree.birth(0));
      break;
  }
  return undefined;
}

/** Makes something where perhaps something is, which then goes. */
function replacing<T>(place: Place, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
  removeTreeAt(place.fd, bytesOf(place.name));
  return make();
}

function makeDirectory(tree: LayerTree, place: Place, entry: TarEntry): void {
  const name = bytesOf(place.name);
  const birth = tree.birth(entry.mode);
  const before = madeOver(place, birth.mode ?? 0o700);
  const merge = before !== undefined && (before.mode & S_IFMT) === S_IFDIR;
  if (before !== undefined && !merge) {
    removeTreeAt(place.fd, name);
    mkdirAt(place.fd, name, birth.mode ?? 0o700);
  }
  const fd = openAt(place.fd, name, { flags: fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW });
  try {
    // The layer removed what is below and made it anew: the old content must not shine through.
    if (before !== undefined && isWhiteout(before)) setXattrFd(fd, OPAQUE_XATTR);
    // A symbolic link may have made this the directory in use: its time is put back before it gets a new one.
    if (merge) tree.release();
    tree.listed(fd, entry);
    setAttributes(fd, entry, merge ? UNKNOWN : birth);
  } finally {
    closeFd(fd);
  }
}

/** Makes a directory, or says what is there instead. */
function madeOver(place: Place, mode: number): FileStatus | undefined {
  try {
    mkdirAt(place.fd, bytesOf(place.name), mode);
    return undefined;
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    return existing(place);
  }
}

/** Its target is named from the layer's root and must be there already; the inode has its attributes from there. */
function makeHardLink(tree: LayerTree, entry: TarEntry): void {
  const from = layerPath(entry.linkName);
  const to = layerPath(entry.name);
  const [source, name] = [from.at(-1), to.at(-1)];
  if (source === undefined || name === undefined) {
    throw invalidArgument(`invalid layer: hard link "${shownName(entry.name)}" to its root`);
  }
  if (from.join('/') === to.join('/')) return;
  const target = tree.openTarget(from.slice(0, -1), shownName(entry.linkName));
  try {
    const place = { fd: tree.directory(to.slice(0, -1)), name };
    const link = (): void =>
      linkAt({ fd: target, path: bytesOf(source) }, { fd: place.fd, path: bytesOf(name) });
    replacing(place, link);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EPERM')) throw error;
    throw invalidArgument(
      `invalid layer: hard link "${shownName(entry.name)}" to "${shownName(entry.linkName)}", which is no file of this layer`,
      { cause: error },
    );
  } finally {
    closeFd(target);
  }
}

/** Hides a name of the layers below. What this layer itself has there stays: a whiteout is only about the layers below. */
function whiteout(place: Place): void {
  const before = existing(place);
  if (before === undefined) {
    mknodAt(place.fd, bytesOf(place.name), { mode: S_IFCHR, major: 0, minor: 0 });
    return;
  }
  if ((before.mode & S_IFMT) !== S_IFDIR) return;
  const fd = openAt(place.fd, bytesOf(place.name), {
    flags: fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW,
  });
  try {
    setXattrFd(fd, OPAQUE_XATTR);
  } finally {
    closeFd(fd);
  }
}

function existing(place: Place): FileStatus | undefined {
  try {
    return statAt(place.fd, bytesOf(place.name));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

const isWhiteout = (status: FileStatus): boolean =>
  (status.mode & S_IFMT) === S_IFCHR && status.deviceMajor === 0 && status.deviceMinor === 0;

const NODE_TYPES = { 'character-device': S_IFCHR, 'block-device': S_IFBLK, fifo: S_IFIFO } as const;

function nodeOf(entry: TarEntry): { mode: number; major: number; minor: number } {
  const type = NODE_TYPES[entry.type as keyof typeof NODE_TYPES];
  const mode = type | (entry.mode & 0o777);
  if (entry.type === 'fifo') return { mode, major: 0, minor: 0 };
  const { deviceMajor: major, deviceMinor: minor } = entry;
  if (major < 0 || major > MAX_MAJOR || minor < 0 || minor > MAX_MINOR) {
    throw invalidArgument(`invalid layer: device number ${major}:${minor} of "${shownName(entry.name)}"`);
  }
  return { mode, major, minor };
}
