import { constants as fs } from 'node:fs';
import { internal } from '../../common/errors.ts';
import { AT_FDCWD, closeFd, entriesIn, openAt, S_IFDIR, S_IFMT, statAt } from '../../native/sys/files.ts';

/** What a directory and all below it amount to. */
export interface TreeMeasure {
  /** Occupied on the disk as `du` counts: 512-byte blocks, directories too, an inode once however many names it has. */
  readonly diskBytes: number;
  /** Names below the root. */
  readonly entryCount: number;
  /** What those names and the root are, an inode once however many names it has. */
  readonly inodeCount: number;
}

const DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW;

interface Frame {
  readonly inode: number;
  /** Directories still to be walked. */
  readonly pending: Uint8Array[];
}

/**
 * Walks a tree that nobody changes meanwhile, with two descriptors however deep it is: it goes up by `..`, and throws when that is
 * not where it came from. Blocks its thread.
 */
export function measureTree(path: string): TreeMeasure {
  const total = { diskBytes: 0, entryCount: 0, inodeCount: 0 };
  const links = new Map<number, number>();
  const frames: Frame[] = [];
  let fd = openAt(AT_FDCWD, path, { flags: DIRECTORY });
  try {
    frames.push(readDirectory(fd, { total, links }));
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const name = frame.pending.pop();
      if (name !== undefined) {
        fd = exchanged(fd, name);
        frames.push(readDirectory(fd, { total, links }));
        continue;
      }
      frames.pop();
      const above = frames.at(-1);
      if (above === undefined) break;
      fd = exchanged(fd, '..');
      if (statAt(fd, '').inode !== above.inode) throw internal(`Cannot measure "${path}": it has changed`);
    }
    return total;
  } finally {
    closeFd(fd);
  }
}

function exchanged(fd: number, name: Uint8Array | string): number {
  const next = openAt(fd, name, { flags: DIRECTORY });
  closeFd(fd);
  return next;
}

interface Sums {
  readonly total: { diskBytes: number; entryCount: number; inodeCount: number };
  /** Names still to come, of inodes with several. */
  readonly links: Map<number, number>;
}

function readDirectory(fd: number, { total, links }: Sums): Frame {
  const self = statAt(fd, '');
  total.diskBytes += self.diskBytes;
  total.inodeCount += 1;
  const pending: Uint8Array[] = [];
  for (const { name, kind } of entriesIn(fd)) {
    total.entryCount += 1;
    if (kind === S_IFDIR) {
      pending.push(Uint8Array.from(name));
      continue;
    }
    const status = statAt(fd, name);
    if ((status.mode & S_IFMT) === S_IFDIR) pending.push(Uint8Array.from(name));
    else if (isFirst(links, status)) {
      total.diskBytes += status.diskBytes;
      total.inodeCount += 1;
    }
  }
  return { inode: self.inode, pending };
}

function isFirst(seen: Map<number, number>, status: { inode: number; links: number }): boolean {
  if (status.links === 1) return true;
  const left = seen.get(status.inode) ?? status.links;
  // All names have passed: the map holds only what is open.
  if (left === 1) seen.delete(status.inode);
  else seen.set(status.inode, left - 1);
  return left === status.links;
}
