import { closeFd, isErrno, namesIn, statAt, type FileStatus } from '../../native/sys/files.ts';
import { fileSystemOf, mountIdAt } from '../../native/sys/mounts.ts';
import { openBeneath } from '../layers/beneath.ts';
import { bytesOf } from '../layers/attributes.ts';
import { isDirectory } from '../roots/stack.ts';
import type { Visited } from '../roots/walk.ts';

/** Made by the engine at each start, and no part of what a container holds. */
const OWN_MOUNT = 'dev';

/**
 * All below the open directory `top`, itself first, each directory before what is in it, in the order of names. What vanishes is left
 * out, and so is what a file system of the kernel's making holds. Holds one directory open at a time; names, not descriptors, are kept
 * of the others, and looked up beneath `top` again without following any symbolic link.
 */
export function* walkTree(top: number, options: { readonly isRoot: boolean }): Generator<Visited> {
  const pending: string[][] = [[]];
  for (let parts = pending.pop(); parts !== undefined; parts = pending.pop()) {
    const fd = openIfThere(top, parts);
    if (fd === undefined) continue;
    try {
      yield { parts, fd, name: '.', status: statAt(fd, '') };
      if (isLeftOut(top, { fd, parts, ...options })) continue;
      pending.push(...(yield* membersOf(fd, parts)).reverse());
    } finally {
      closeFd(fd);
    }
  }
}

/** All that is no directory; returns the directories. */
function* membersOf(fd: number, above: readonly string[]): Generator<Visited, string[][]> {
  const below: string[][] = [];
  for (const [name, status] of entriesOf(fd)) {
    const parts = [...above, name];
    if (isDirectory(status)) below.push(parts);
    else yield { parts, fd, name, status };
  }
  return below;
}

function openIfThere(top: number, parts: readonly string[]): number | undefined {
  try {
    return openBeneath(top, parts, 'no-symlinks');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

interface Directory {
  readonly fd: number;
  readonly parts: readonly string[];
  readonly isRoot: boolean;
}

function isLeftOut(top: number, { fd, parts, isRoot }: Directory): boolean {
  if (fileSystemOf(fd).kernelMade) return true;
  const isOwn = isRoot && parts.length === 1 && parts[0] === OWN_MOUNT;
  return isOwn && mountIdAt(fd, EMPTY) !== mountIdAt(top, EMPTY);
}

const EMPTY = new Uint8Array(0);

function* entriesOf(fd: number): Generator<[name: string, status: FileStatus]> {
  const names = namesIn(fd).map((bytes) => Buffer.from(bytes).toString('latin1'));
  for (const name of names.sort()) {
    try {
      yield [name, statAt(fd, bytesOf(name))];
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }
}
