import { constants as fs } from 'node:fs';
import { AT_FDCWD, closeFd, isErrno, openAt, S_IFMT, statAt } from '../../native/sys/files.ts';
import { bytesOf } from '../layers/attributes.ts';
import { openBeneath } from '../layers/beneath.ts';
import { layerPath } from '../layers/path.ts';

const S_IFREG = 0o100000;
const OPEN_DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW;
const OPEN_FILE = fs.O_RDONLY | fs.O_NOFOLLOW | fs.O_NONBLOCK | fs.O_NOATIME;

/**
 * Files of an unpacked layer by the names that its archive gives them: found as they were when it was unpacked, beneath the layer's
 * root. The last directory stays open.
 */
export class LayerFiles {
  readonly #root: number;
  #directory: { readonly key: string; readonly fd: number } | undefined;

  constructor(directory: string) {
    this.#root = openAt(AT_FDCWD, directory, { flags: OPEN_DIRECTORY });
  }

  /** A descriptor, that the caller closes; undefined when no regular file is there. `name` is a byte string. */
  open(name: string): number | undefined {
    const parts = layerPath(name);
    const last = parts.at(-1);
    if (last === undefined) return undefined;
    try {
      const directory = this.#open(parts.slice(0, -1));
      const path = bytesOf(last);
      // Looked at before: to open a device is to use it.
      if ((statAt(directory, path).mode & S_IFMT) !== S_IFREG) return undefined;
      return openAt(directory, path, { flags: OPEN_FILE });
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return undefined;
      throw error;
    }
  }

  close(): void {
    if (this.#directory !== undefined) closeFd(this.#directory.fd);
    this.#directory = undefined;
    closeFd(this.#root);
  }

  #open(parts: readonly string[]): number {
    const key = parts.join('/');
    if (this.#directory?.key === key) return this.#directory.fd;
    const fd = openBeneath(this.#root, parts, 'in-root');
    if (this.#directory !== undefined) closeFd(this.#directory.fd);
    this.#directory = { key, fd };
    return fd;
  }
}
