import { constants as fs } from 'node:fs';
import {
  AT_FDCWD,
  closeFd,
  isErrno,
  namesIn,
  openAt,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  statAt,
  type FileStatus,
} from '../../native/sys/files.ts';
import { xattrAt } from '../../native/sys/xattr.ts';
import { bytesOf } from '../layers/attributes.ts';
import { openBeneath } from '../layers/beneath.ts';

const S_IFREG = 0o100000;
const OPEN_ROOT = fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW;

/** A directory of one layer, open. */
export interface LayerDirectory {
  /** Position of the layer in the stack, 0 on top. */
  readonly layer: number;
  readonly fd: number;
}

/** What shows at a name. */
export interface Found {
  readonly status: FileStatus;
  /** The directory that it was found in. */
  readonly from: LayerDirectory;
  /** Of a directory: the layers whose directory of this name shows, topmost first. Empty for anything else. */
  readonly layers: readonly number[];
}

/** Directories of one path that show together, topmost first; closed when disposed. */
export interface OpenDirectory extends Disposable {
  readonly layers: readonly LayerDirectory[];
}

/**
 * Layers as overlayfs keeps them, read as overlayfs would merge them, without a mount: whiteouts (device 0/0, or an empty file with
 * `trusted.overlay.whiteout` in a directory that allows it) hide a name, opaque directories hide what is below. No path is followed
 * through a symbolic link, none leaves its layer, nothing but directories is opened here. Blocks its thread.
 * Source: Documentation/filesystems/overlayfs.rst.
 */
export class LayerStack implements Disposable {
  readonly #roots: number[] = [];

  /** Absolute paths, topmost first. */
  constructor(paths: readonly string[]) {
    try {
      for (const path of paths) this.#roots.push(openAt(AT_FDCWD, path, { flags: OPEN_ROOT }));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  get size(): number {
    return this.#roots.length;
  }

  /** What a running container removes meanwhile is left out. */
  open(parts: readonly string[], layers: readonly number[]): OpenDirectory {
    const opened: LayerDirectory[] = [];
    const close = (): void => opened.forEach(({ fd }) => closeFd(fd));
    try {
      for (const layer of layers) {
        const fd = this.#openOne(parts, layer);
        if (fd !== undefined) opened.push({ layer, fd });
      }
    } catch (error) {
      close();
      throw error;
    }
    return { layers: opened, [Symbol.dispose]: close };
  }

  [Symbol.dispose](): void {
    for (const fd of this.#roots.splice(0)) closeFd(fd);
  }

  #openOne(parts: readonly string[], layer: number): number | undefined {
    try {
      return openBeneath(this.#roots[layer] ?? -1, parts, 'no-symlinks');
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
      throw error;
    }
  }
}

/** Names of a directory (byte strings), sorted, each with the layers' directories that have it, topmost first. */
export function namesOf(directory: OpenDirectory): [name: string, where: LayerDirectory[]][] {
  const found = new Map<string, LayerDirectory[]>();
  for (const layer of directory.layers) {
    for (const bytes of namesNow(layer.fd)) {
      const name = Buffer.from(bytes).toString('latin1');
      const where = found.get(name);
      if (where === undefined) found.set(name, [layer]);
      else where.push(layer);
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

function namesNow(fd: number): Uint8Array[] {
  try {
    return namesIn(fd);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** What shows at `name`, looking from the top; undefined for nothing. */
export function find(name: string, where: readonly LayerDirectory[]): Found | undefined {
  let found: { status: FileStatus; from: LayerDirectory; layers: number[] } | undefined;
  for (const from of where) {
    const status = statusAt(from.fd, name);
    if (status === undefined) continue;
    if (isWhiteout(from.fd, name, status)) break;
    if (!isDirectory(status)) return found ?? { status, from, layers: [] };
    found ??= { status, from, layers: [] };
    found.layers.push(from.layer);
    if (isOpaque(from.fd, name)) break;
  }
  return found;
}

export function statusAt(fd: number, name: string): FileStatus | undefined {
  try {
    return statAt(fd, bytesOf(name));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export const isDirectory = ({ mode }: FileStatus): boolean => (mode & S_IFMT) === S_IFDIR;

export const isRegular = ({ mode }: FileStatus): boolean => (mode & S_IFMT) === S_IFREG;

export function isWhiteout(fd: number, name: string, status: FileStatus): boolean {
  if ((status.mode & S_IFMT) === S_IFCHR) return status.deviceMajor === 0 && status.deviceMinor === 0;
  if (!isRegular(status) || status.sizeBytes !== 0) return false;
  return attribute(fd, name, 'trusted.overlay.whiteout') !== undefined && opaqueMark(fd, '.') === 'x';
}

export const isOpaque = (fd: number, name: string): boolean => opaqueMark(fd, name) === 'y';

/** `y`: hides what is below. `x`: may hold whiteouts that are files. */
const opaqueMark = (fd: number, name: string): string | undefined =>
  attribute(fd, name, 'trusted.overlay.opaque');

/** A byte string; undefined without it, and when the name has vanished meanwhile. */
export function attribute(fd: number, name: string, key: string): string | undefined {
  try {
    const value = xattrAt(fd, bytesOf(name), key);
    return value === undefined ? undefined : Buffer.from(value).toString('latin1');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODATA')) return undefined;
    throw error;
  }
}
