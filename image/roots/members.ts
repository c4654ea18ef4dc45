import { constants as fs } from 'node:fs';
import {
  AT_FDCWD,
  closeFd,
  isErrno,
  openAt,
  O_PATH,
  readLinkAt,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  statAt,
  type FileStatus,
} from '../../native/sys/files.ts';
import { readInto } from '../../native/sys/read.ts';
import { xattrsAt, xattrsOfFd } from '../../native/sys/xattr.ts';
import { bytesOf, isOverlays } from '../layers/attributes.ts';
import type { EntryType } from '../tar/entry.ts';
import { tarHeader, tarPadding, type WrittenEntry } from '../tar/writer.ts';
import { isRegular } from './stack.ts';
import type { Visited } from './walk.ts';

const S_IFLNK = 0o120000;
const BLOCK_BYTES = 256 * 1024;

const MAX_ATTEMPTS = 8;
/** Attributes come and go, a symbolic link becomes something else. */
const CHANGING = ['ENODATA', 'ERANGE', 'EINVAL', 'ENXIO'];

/** Names that were written of inodes that have several. */
export type WrittenLinks = Map<number, string>;

const TYPES = new Map<number, EntryType>([
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFCHR, 'character-device'],
  [S_IFBLK, 'block-device'],
  [S_IFIFO, 'fifo'],
]);

/**
 * One name of a tree as a tar member, in pieces. Sockets are left out, and what vanishes meanwhile. The container may be running:
 * nothing but a regular file is ever opened for reading, whatever takes its name meanwhile; a file that grows or shrinks as it is
 * read gives as many bytes as it had, zeros for those that are gone.
 */
export function* tarMember(visited: Visited, links: WrittenLinks): Generator<Uint8Array> {
  const { parts, status } = visited;
  const name = parts.length === 0 ? './' : parts.join('/');
  const first = links.get(status.inode);
  const isLinkable = (status.mode & S_IFMT) !== S_IFDIR && status.links > 1;
  if (isLinkable && first !== undefined) {
    yield tarHeader({ ...commonOf(name, status), type: 'hardlink', linkName: first });
    return;
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (isRegular(status)) yield* fileMember(visited, name);
      else yield* otherMember(visited, name);
      break;
    } catch (error) {
      // All of these come before the header, when a running container changes what is read.
      if (isErrno(error, 'ENOENT', 'ELOOP')) return;
      if (attempt === MAX_ATTEMPTS || !isErrno(error, ...CHANGING)) throw error;
    }
  }
  if (isLinkable) links.set(status.inode, name);
}

const commonOf = (
  name: string,
  { mode, uid, gid, mtime }: FileStatus,
): Pick<WrittenEntry, 'name' | 'mode' | 'uid' | 'gid' | 'mtime'> => ({
  name,
  mode: mode & 0o7777,
  uid,
  gid,
  mtime,
});

function* otherMember({ fd, name: at, status }: Visited, name: string): Generator<Uint8Array> {
  const type = TYPES.get(status.mode & S_IFMT);
  if (type === undefined) return;
  const bytes = bytesOf(at);
  const isDevice = type === 'character-device' || type === 'block-device';
  yield tarHeader({
    ...commonOf(name, status),
    type,
    ...(type === 'symlink' ? { linkName: targetOf(fd, bytes) } : {}),
    ...(isDevice ? { deviceMajor: status.deviceMajor, deviceMinor: status.deviceMinor } : {}),
    xattrs: kept(xattrsAt(fd, bytes)),
  });
}

const targetOf = (fd: number, name: Uint8Array): string =>
  Buffer.from(readLinkAt(fd, name)).toString('latin1');

function* fileMember({ fd, name: at }: Visited, name: string): Generator<Uint8Array> {
  const file = openRegular(fd, bytesOf(at));
  if (file === undefined) return;
  try {
    const status = statAt(file, '');
    const size = status.sizeBytes;
    yield tarHeader({ ...commonOf(name, status), type: 'file', size, xattrs: kept(xattrsOfFd(file)) });
    yield* contentOf(file, size);
    yield tarPadding(size);
  } finally {
    closeFd(file);
  }
}

/** Undefined for anything but a regular file: to open a device or a FIFO does something, so what it is is looked at first. */
function openRegular(fd: number, name: Uint8Array): number | undefined {
  const found = openAt(fd, name, { flags: O_PATH | fs.O_NOFOLLOW });
  try {
    if (!isRegular(statAt(found, ''))) return undefined;
    return openAt(AT_FDCWD, `/proc/self/fd/${found}`, { flags: fs.O_RDONLY | fs.O_NOATIME });
  } finally {
    closeFd(found);
  }
}

function* contentOf(file: number, size: number): Generator<Uint8Array> {
  for (let left = size; left > 0;) {
    const block = Buffer.alloc(Math.min(left, BLOCK_BYTES));
    const bytes = readInto(file, block);
    const part = bytes === 0 ? block : block.subarray(0, bytes);
    yield part;
    left -= part.byteLength;
  }
}

/** What belongs to the file: not overlayfs' own marks, and not the labels that this host's security modules gave it. */
function kept(attributes: ReadonlyMap<string, Uint8Array>): Map<string, string> {
  const own = [...attributes].filter(([name]) => isPortable(name) && !isOverlays(name));
  return new Map(own.map(([name, value]) => [name, Buffer.from(value).toString('latin1')]));
}

const isPortable = (name: string): boolean =>
  name === 'security.capability' || /^(user|trusted|system\.posix_acl_(access|default)$)/.test(name);
