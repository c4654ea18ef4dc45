import { constants as fs } from 'node:fs';
import { invalidArgument } from '../../common/errors.ts';
import {
  closeFd,
  fchown,
  isErrno,
  mkdirAt,
  O_PATH,
  openAt,
  openAt2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFMT,
  statAt,
  type Timestamp,
} from '../../native/sys/files.ts';
import { fileSystemOf, mountIdAt } from '../../native/sys/mounts.ts';
import { bytesOf, restoreMtime } from '../layers/attributes.ts';
import { openBeneath } from '../layers/beneath.ts';
import { shownName } from '../tar/entry.ts';
import { cleanPath } from './path.ts';
import { checkPlace, realPath } from './status.ts';

const OPEN_DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW;
const IMPLIED_MODE = 0o755;
/** Of the names of directories whose time is set in the end: an archive that is made for it must not fill the memory. */
const MAX_LISTED_BYTES = 32 * 1024 * 1024;
const EMPTY = new Uint8Array(0);

/**
 * The directory that an archive is unpacked in, and those below. Each is looked up anew beneath the container's root, so that symbolic
 * links lead where they lead in the container; the one in use is kept open.
 */
export class CopyTarget {
  readonly #root: number;
  readonly #base: readonly string[];
  readonly #owner: { readonly uid: number; readonly gid: number };
  readonly #listed = new Map<string, Timestamp>();
  #listedBytes = 0;
  #current: { readonly key: string; readonly fd: number } | undefined;

  constructor(root: number, path: string, owner = { uid: 0, gid: 0 }) {
    this.#root = root;
    this.#owner = owner;
    const cleaned = cleanPath(path).replace(/\/\.?$/, '');
    checkTarget(root, cleaned === '' ? '/' : cleaned);
    const real = Buffer.from(realPath(root, cleaned === '' ? '/' : cleaned) ?? cleaned).toString('latin1');
    this.#base = real.split('/').filter((name) => name !== '');
  }

  /** For messages: of a name in the archive, in the container. */
  shown(parts: readonly string[]): string {
    return shownName(`/${[...this.#base, ...parts].join('/')}`);
  }

  /** The open directory at `parts`, valid until the next call; made with its parents if missing. */
  directory(parts: readonly string[]): number {
    const key = parts.join('/');
    if (this.#current?.key === key) return this.#current.fd;
    const fd = this.#open(parts);
    this.release();
    this.#current = { key, fd };
    return fd;
  }

  /** A descriptor of an existing directory, that the caller closes. */
  existing(parts: readonly string[]): number {
    const fd = openBeneath(this.#root, [...this.#base, ...parts], 'in-root');
    try {
      checkPlace(fd, this.shown(parts));
      return fd;
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /** Gets its time in the end: what comes into it changes it. */
  listed(parts: readonly string[], mtime: Timestamp): void {
    const key = parts.join('/');
    if (!this.#listed.has(key)) this.#listedBytes += key.length + 1;
    if (this.#listedBytes > MAX_LISTED_BYTES) {
      throw invalidArgument('cannot unpack the archive: it has too many directories');
    }
    this.#listed.set(key, mtime);
  }

  /** What the container took away meanwhile is left alone. */
  finish(): void {
    this.release();
    for (const [key, mtime] of this.#listed) {
      try {
        const fd = this.existing(key === '' ? [] : key.split('/'));
        restoreMtime(fd, mtime);
        closeFd(fd);
      } catch (error) {
        if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
      }
    }
  }

  release(): void {
    if (this.#current !== undefined) closeFd(this.#current.fd);
    this.#current = undefined;
  }

  #open(parts: readonly string[]): number {
    try {
      return this.existing(parts);
    } catch (error) {
      if (!isErrno(error, 'ENOENT') || parts.length === 0) throw error;
    }
    const name = bytesOf(parts.at(-1) ?? '');
    const above = this.directory(parts.slice(0, -1));
    mkdirAt(above, name, IMPLIED_MODE);
    const fd = openAt(above, name, { flags: OPEN_DIRECTORY });
    fchown(fd, this.#owner);
    return fd;
  }
}

/** Throws docker's texts for what can't be unpacked in. Source: moby daemon/archive_unix.go. */
function checkTarget(root: number, path: string): void {
  const fd = openAt2(root, path, { flags: O_PATH, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
  try {
    checkPlace(fd, path);
    if ((statAt(fd, '').mode & S_IFMT) !== S_IFDIR) {
      throw invalidArgument('extraction point is not a directory');
    }
    if (!fileSystemOf(fd).readOnly) return;
    const isRoot = mountIdAt(fd, EMPTY) === mountIdAt(root, EMPTY);
    throw invalidArgument(
      isRoot ? 'container rootfs is marked read-only' : 'mounted volume is marked read-only',
    );
  } finally {
    closeFd(fd);
  }
}
