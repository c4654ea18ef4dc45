import { constants as fs } from 'node:fs';
import { invalidArgument } from '../../common/errors.ts';
import {
  AT_FDCWD,
  closeFd,
  fchmod,
  isErrno,
  kindAt,
  mkdirAt,
  openAt,
  readLinkAt,
  S_IFDIR,
  statAt,
  type Timestamp,
} from '../../native/sys/files.ts';
import { removeTreeAt } from '../../native/sys/remove-tree.ts';
import { shownName, type TarEntry } from '../tar/entry.ts';
import { bytesOf, DEFAULT_ACL, restoreMtime, type Birth } from './attributes.ts';
import { openBeneath } from './beneath.ts';

const S_ISGID = 0o2000;
/** Of a directory that nothing is known of, the root included. */
const DEFAULT_MODE = 0o755;
const OPEN_DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW;
/** Of the names of implied directories, which are kept until the end: an archive that is made for it must not fill the memory. */
const MAX_IMPLIED_BYTES = 8 * 1024 * 1024;

/**
 * The directories of a layer that is being unpacked. Every path is resolved by the kernel with the layer as root (openat2,
 * RESOLVE_IN_ROOT): symbolic links in a path are followed as they would be in the container, and never lead out of it.
 *
 * What changes in a directory must not change the time that the layer gave it. The directory in use is kept open with its time,
 * which is put back when another comes into use; so no list of directories has to be kept until the end.
 */
export class LayerTree {
  readonly #root: number;
  readonly #implied = new Set<string>();
  #impliedBytes = 0;
  #impliesRoot = true;
  /** Permission bits that a creation grants: the process's umask takes others away. */
  readonly #granted: number;
  #hasDefaultAcls = false;
  #current:
    | { readonly key: string; readonly fd: number; readonly mtime: Timestamp; readonly mode: number }
    | undefined;

  /** `root` was just made, with mode 0777 but for the umask. */
  constructor(root: string) {
    this.#root = openAt(AT_FDCWD, root, { flags: OPEN_DIRECTORY });
    this.#granted = statAt(this.#root, '').mode & 0o777;
    fchmod(this.#root, DEFAULT_MODE);
  }

  /** Descriptor of the root. */
  get root(): number {
    return this.#root;
  }

  /** Directories that were made because something lies in them, and that have no attributes of their own: see `settle`. */
  get implied(): string[] {
    return [...this.#implied];
  }

  get impliesRoot(): boolean {
    return this.#impliesRoot;
  }

  /** The directory open at `fd` gets attributes from the layer. */
  listed(fd: number, entry: TarEntry): void {
    if (entry.xattrs.has(DEFAULT_ACL)) this.#hasDefaultAcls = true;
    if (fd === this.#root) this.#impliesRoot = false;
    if (this.#implied.size === 0) return;
    const path = this.#pathOf(fd);
    if (path === '') this.#impliesRoot = false;
    if (path !== undefined) this.#implied.delete(path);
  }

  /** The open directory at `parts`, valid until the next call. Made with its parents if missing. */
  directory(parts: readonly string[]): number {
    const key = parts.join('/');
    if (this.#current?.key === key) return this.#current.fd;
    const fd = this.#open(parts);
    this.release();
    const { mtime, mode } = statAt(fd, '');
    this.#current = { key, fd, mtime, mode };
    return fd;
  }

  /** What something made with `mode` in the directory in use has from its birth. */
  birth(mode: number): Birth {
    const inGroup = ((this.#current?.mode ?? S_ISGID) & S_ISGID) !== 0;
    const exact = (mode & ~this.#granted) === 0 && !inGroup && !this.#hasDefaultAcls;
    return { rootOwned: !inGroup, mode: exact ? mode : undefined, inherited: this.#hasDefaultAcls };
  }

  /** A descriptor of an existing directory, that the caller closes: of the target of a hard link. */
  openTarget(parts: readonly string[], shown: string): number {
    try {
      return openBeneath(this.#root, parts, 'in-root');
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) throw error;
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
      closeFd(this.#root);
    }
  }

  #open(parts: readonly string[]): number {
    try {
      return openBeneath(this.#root, parts, 'in-root');
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

  #imply(parts: readonly string[]): number {
    const name = parts.at(-1);
    if (name === undefined) throw invalidArgument('invalid layer: its root is gone');
    const parent = this.directory(parts.slice(0, -1));
    clearWay(parent, name);
    mkdirAt(parent, bytesOf(name), DEFAULT_MODE);
    const fd = openAt(parent, bytesOf(name), { flags: OPEN_DIRECTORY });
    fchmod(fd, DEFAULT_MODE);
    this.#noteImplied(fd);
    return fd;
  }

  #noteImplied(fd: number): void {
    const path = this.#pathOf(fd);
    if (path === undefined) return;
    this.#implied.add(path);
    this.#impliedBytes += path.length;
    if (this.#impliedBytes > MAX_IMPLIED_BYTES) {
      throw invalidArgument('invalid layer: it has too many directories that it does not list');
    }
  }

  /** Without symbolic links, relative to the root; undefined for one that lies deeper than a path can be long. */
  #pathOf(fd: number): string | undefined {
    const path = linkOf(fd);
    const root = linkOf(this.#root);
    if (path === undefined || root === undefined) return undefined;
    if (path === root) return '';
    return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined;
  }
}

function linkOf(fd: number): string | undefined {
  try {
    return Buffer.from(readLinkAt(AT_FDCWD, `/proc/self/fd/${fd}`)).toString('latin1');
  } catch (error) {
    if (isErrno(error, 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}

/** Removes a symbolic link that leads nowhere, where a directory is implied. */
function clearWay(parent: number, name: string): void {
  const kind = kindAt(parent, bytesOf(name));
  if (kind !== undefined && kind !== S_IFDIR) removeTreeAt(parent, bytesOf(name));
}
