import { constants as fs } from 'node:fs';
import { posix } from 'node:path';
import { internal, notFound } from '../../common/errors.ts';
import {
  AT_FDCWD,
  closeFd,
  isErrno,
  O_PATH,
  openAt2,
  readLinkAt,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFMT,
  statAt,
} from '../../native/sys/files.ts';
import { fileSystemOf } from '../../native/sys/mounts.ts';
import type { PathStatus } from './contract.ts';
import { baseOf, cleanPath } from './path.ts';

const S_IFLNK = 0o120000;
const MAX_LINKS = 40;
const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

/** Runs a CopyStatusJob. */
export function statusOf(root: number, path: string): PathStatus {
  const cleaned = cleanPath(path);
  const fd = openPlace(root, cleaned);
  try {
    const { sizeBytes, mode, mtime } = statAt(fd, '');
    const isLink = (mode & S_IFMT) === S_IFLNK;
    const linkTarget = isLink ? linkTargetOf(root, cleaned) : '';
    return { name: baseOf(cleaned), sizeBytes, mode, mtime, linkTarget };
  } finally {
    closeFd(fd);
  }
}

/** Opens nothing but the name, and no last symbolic link unless a slash is behind it. Throws `not-found` for what the kernel makes up. */
export function openPlace(root: number, cleaned: string): number {
  const fd = openNamed(root, cleaned);
  try {
    checkPlace(fd, cleaned);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** As Go says it: docker passes that on. */
const WORDS = {
  ENOTDIR: 'not a directory',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
} as const;

function openNamed(root: number, path: string): number {
  try {
    return openAt2(root, path, { flags: O_PATH | fs.O_NOFOLLOW, resolve: IN_ROOT });
  } catch (error) {
    const words = Object.entries(WORDS).find(([errno]) => isErrno(error, errno))?.[1];
    if (words === undefined) throw error;
    throw internal(`lstat ${path}: ${words}`, { cause: error });
  }
}

export function checkPlace(fd: number, shown: string): void {
  if (fileSystemOf(fd).kernelMade) throw notFound(`"${shown}" is on a file system of the kernel`);
}

/** As far as it can be followed: the last link of a chain that leads nowhere says where that would be. */
function linkTargetOf(root: number, path: string): string {
  let at = path;
  for (let links = 0; links < MAX_LINKS; links += 1) {
    const whole = realPath(root, at);
    if (whole !== undefined) return whole;
    const above = realPath(root, posix.dirname(at));
    if (above === undefined) return at;
    at = posix.join(above, posix.basename(at));
    const next = readLink(root, at);
    if (next === undefined) return at;
    at = posix.resolve(above, next);
  }
  return at;
}

/** Absolute and without links; undefined for what is not there. */
export function realPath(root: number, path: string): string | undefined {
  try {
    const fd = openAt2(root, path, { flags: O_PATH, resolve: IN_ROOT });
    try {
      const base = linkOf(root);
      const found = linkOf(fd);
      return base === '/' ? found : found.slice(base.length) || '/';
    } finally {
      closeFd(fd);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

const linkOf = (fd: number): string => Buffer.from(readLinkAt(AT_FDCWD, `/proc/self/fd/${fd}`)).toString();

function readLink(root: number, path: string): string | undefined {
  const fd = openAt2(root, posix.dirname(path), { flags: O_PATH, resolve: IN_ROOT });
  try {
    return Buffer.from(readLinkAt(fd, posix.basename(path))).toString();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EINVAL')) return undefined;
    throw error;
  } finally {
    closeFd(fd);
  }
}
