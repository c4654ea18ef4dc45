import { constants as fs } from 'node:fs';
import { invalidArgument } from '../../common/errors.ts';
import {
  AT_FDCWD,
  closeFd,
  isErrno,
  kindAt,
  mkdirAt,
  openAt,
  openAt2,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  S_IFDIR,
  statAt,
  type FileStatus,
  type Timestamp,
} from '../../native/sys/files.ts';
import { removeTreeAt } from '../../native/sys/remove-tree.ts';
import { shownName } from '../tar/entry.ts';
import { bytesOf, copyOwnership, restoreMtime } from './attributes.ts';

const IMPLIED = { mode: 0o755, uid: 0, gid: 0 } as const;
const OPEN_DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY;

/**
 * The directories of a layer that is being unpacked. Every path is resolved by the kernel with the layer as root (openat2,
 * RESOLVE_IN_ROOT): symbolic links in a path are followed as they would be in the container, and never lead out of it.
 *
 * What changes in a directory must not change the time that the layer gave it. The directory in use is kept open with its time,
 * which is put back when another comes into use; so no list of directories has to be kept until the end.
 */
export class LayerTree {
  readonly #root: number;
  readonly #lowers: readonly number[];
  #current: { readonly key: string; readonly fd: number; readonly mtime: Timestamp } | undefined;

  /** `root` exists and is empty; `lowers` are the layers below, topmost first, whose directories lend their owners and modes. */
  constructor(root: string, lowers: readonly string[]) {
    this.#root = openAt(AT_FDCWD, root, { flags: OPEN_DIRECTORY | fs.O_NOFOLLOW });
    this.#lowers = lowers.map((path) => openAt(AT_FDCWD, path, { flags: O_PATH | fs.O_DIRECTORY }));
    const top = this.#lowers[0];
    if (top !== undefined) copyOwnership(this.#root, statAt(top, ''));
  }

  /** Descriptor of the root. */
  get root(): number {
    return this.#root;
  }

  /**
   * The open directory at `parts`, valid until the next call. Made with its parents if missing; then it looks like the directory of
   * that name in the layers below, so that `tmp/x` without `tmp/` does not take away the sticky bit.
   */
  directory(parts: readonly string[]): number {
    const key = parts.join('/');
    if (this.#current?.key === key) return this.#current.fd;
    const fd = this.#open(parts);
    this.release();
    this.#current = { key, fd, mtime: statAt(fd, '').mtime };
    return fd;
  }

  /** A descriptor of an existing directory, that the caller closes: of the target of a hard link. */
  openTarget(parts: readonly string[], shown: string): number {
    try {
      return this.#lookUp(parts);
    } catch (error) {
      throw invalidArgument(`invalid layer: a hard link to "${shown}", which is not in this layer`, {
        cause: error,
      });
    }
  }

  /** Gives the directory in use its time back. Call before the attributes of any directory are set, and at the end. */
  release(): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    restoreMtime(current.fd, current.mtime);
    closeFd(current.fd);
  }

  close(): void {
    try {
      this.release();
    } finally {
      for (const fd of [this.#root, ...this.#lowers]) closeFd(fd);
    }
  }

  #open(parts: readonly string[]): number {
    try {
      return this.#lookUp(parts);
    } catch (error) {
      if (isErrno(error, 'ENOTDIR')) {
        throw invalidArgument(`invalid layer: "${shownName(parts.join('/'))}" is no directory`, {
          cause: error,
        });
      }
      if (!isErrno(error, 'ENOENT')) throw error;
    }
    return this.#imply(parts);
  }

  #lookUp(parts: readonly string[]): number {
    const path = parts.length === 0 ? '.' : bytesOf(parts.join('/'));
    return openAt2(this.#root, path, {
      flags: OPEN_DIRECTORY,
      resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    });
  }

  #imply(parts: readonly string[]): number {
    const name = parts.at(-1);
    if (name === undefined) throw invalidArgument('invalid layer: its root is gone');
    const parent = this.directory(parts.slice(0, -1));
    clearWay(parent, name);
    mkdirAt(parent, bytesOf(name), 0o700);
    const fd = openAt(parent, bytesOf(name), { flags: OPEN_DIRECTORY | fs.O_NOFOLLOW });
    const below = this.#below(parts);
    copyOwnership(fd, below ?? IMPLIED);
    if (below !== undefined) restoreMtime(fd, below.mtime);
    return fd;
  }

  /** The directory of this path in the highest layer below that says something about it. */
  #below(parts: readonly string[]): FileStatus | undefined {
    for (const lower of this.#lowers) {
      try {
        const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
        const fd = openAt2(lower, bytesOf(parts.join('/')), { flags: O_PATH | fs.O_DIRECTORY, resolve });
        try {
          return statAt(fd, '');
        } finally {
          closeFd(fd);
        }
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) return undefined;
      }
    }
    return undefined;
  }
}

/** Removes a symbolic link that leads nowhere, where a directory is implied. */
function clearWay(parent: number, name: string): void {
  const kind = kindAt(parent, bytesOf(name));
  if (kind !== undefined && kind !== S_IFDIR) removeTreeAt(parent, bytesOf(name));
}
