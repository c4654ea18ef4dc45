import { constants as fs } from 'node:fs';
import {
  AT_FDCWD,
  closeFd,
  fchmod,
  fchown,
  isErrno,
  openAt,
  setXattrFd,
  statAt,
} from '../../native/sys/files.ts';
import { xattrsOfFd } from '../../native/sys/xattr.ts';
import { bytesOf, isOverlays, restoreMtime } from './attributes.ts';
import { openBeneath } from './beneath.ts';

const OPEN_DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY;

export interface Settlement {
  /** The unpacked layer. */
  readonly directory: string;
  /** Directories of the layers below, topmost first. */
  readonly lowers: readonly string[];
  /** Directories that the layer implies and does not list, without symbolic links; byte strings, relative to the root. */
  readonly implied: readonly string[];
  /** The layer says nothing about its root either. */
  readonly impliesRoot: boolean;
}

/**
 * Makes directories that a layer implies look as they do below: a layer that has `tmp/x` and no `tmp/` must not take away the
 * sticky bit. What is below is known only when the parent is unpacked, so this comes after the unpacking.
 */
export function settle({ directory, lowers, implied, impliesRoot }: Settlement): void {
  const open: number[] = [];
  const openRoot = (path: string): number => {
    const fd = openAt(AT_FDCWD, path, { flags: OPEN_DIRECTORY | fs.O_NOFOLLOW });
    open.push(fd);
    return fd;
  };
  try {
    const root = openRoot(directory);
    const below = lowers.map((path) => openRoot(path));
    const [top] = below;
    if (impliesRoot && top !== undefined) copyAttributes(top, root);
    for (const path of implied) settleOne(root, below, path.split('/'));
  } finally {
    for (const fd of open) closeFd(fd);
  }
}

function settleOne(root: number, lowers: readonly number[], parts: readonly string[]): void {
  const from = findBelow(lowers, parts);
  if (from === undefined) return;
  try {
    const to = openBeneath(root, parts, 'no-symlinks');
    try {
      copyAttributes(from, to);
    } finally {
      closeFd(to);
    }
  } catch (error) {
    // A later entry of the layer has replaced it.
    if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
  } finally {
    closeFd(from);
  }
}

/** The directory of this path in the highest layer below that says something about it. */
function findBelow(lowers: readonly number[], parts: readonly string[]): number | undefined {
  for (const lower of lowers) {
    try {
      return openBeneath(lower, parts, 'no-symlinks');
    } catch (error) {
      if (isErrno(error, 'ENOENT')) continue;
      // Something else has this name there, and hides what is below it.
      if (isErrno(error, 'ENOTDIR', 'ELOOP')) return undefined;
      throw error;
    }
  }
  return undefined;
}

function copyAttributes(from: number, to: number): void {
  const { mode, uid, gid, mtime } = statAt(from, '');
  fchown(to, { uid, gid });
  fchmod(to, mode & 0o7777);
  for (const [name, value] of xattrsOfFd(from)) {
    if (!isOverlays(name)) setXattrFd(to, { name: bytesOf(name), value });
  }
  restoreMtime(to, mtime);
}
