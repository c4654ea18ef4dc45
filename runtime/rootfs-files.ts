import { constants } from 'node:fs';
import { close as closeCallback, fstat as fstatCallback, read as readCallback } from 'node:fs';
import { lstat, open, readdir, readlink, type FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import { promisify } from 'node:util';
import { invalidArgument } from '../common/errors.ts';
import {
  isErrno,
  openAt,
  openAt2,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '../native/sys/files.ts';
import { hasXattr } from '../native/sys/xattr.ts';

const close = promisify(closeCallback);
const fstat = promisify(fstatCallback);
const read = promisify(readCallback);

/** More than any real /etc/passwd; an image's own may be of any size and kind. */
const MAX_BYTES = 4 << 20;
const MAX_LINKS = 40;

export interface AccountFiles {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

/**
 * Reads /etc/passwd and /etc/group as a container on these overlay directories will see them, without mounting: whiteouts,
 * opaque directories and symbolic links (resolved inside the layers, never in the host) are honoured. `layers` is topmost
 * first, the upper directory included; nobody may write to them meanwhile.
 *
 * A missing file, or one that is no regular file, is undefined. Throws `invalid-argument` for one above 4 MiB.
 */
export async function readAccountFiles(layers: readonly string[]): Promise<AccountFiles> {
  const [passwd, group] = await Promise.all([
    readMerged(layers, '/etc/passwd'),
    readMerged(layers, '/etc/group'),
  ]);
  return { passwd, group };
}

/** The same for a running container, by the root of its process: the kernel resolves beneath it. */
export async function readAccountFilesOf(pid: number): Promise<AccountFiles> {
  const root = openAt(-100, `/proc/${pid}/root`, { flags: O_PATH | constants.O_DIRECTORY });
  try {
    return { passwd: await readIn(root, 'etc/passwd'), group: await readIn(root, 'etc/group') };
  } finally {
    await close(root);
  }
}

async function readIn(root: number, path: string): Promise<string | undefined> {
  let place: number;
  try {
    // Not to be read through: opening a device acts on it (a watchdog resets the host when it is closed again), and a FIFO waits.
    place = openAt2(root, path, { flags: O_PATH, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
  try {
    if (!(await fstat(place)).isFile()) return undefined;
    const fd = openAt(-100, `/proc/self/fd/${place}`, { flags: constants.O_RDONLY });
    try {
      return await readBounded((buffer, position) => read(fd, buffer, 0, buffer.byteLength, position), path);
    } finally {
      await close(fd);
    }
  } finally {
    await close(place);
  }
}

async function readMerged(layers: readonly string[], path: string): Promise<string | undefined> {
  const found = await resolveMerged(layers, path);
  if (found?.kind !== 'file') return undefined;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  await using file: FileHandle = await open(found.path, flags);
  if (!(await file.stat()).isFile()) return undefined;
  return await readBounded((buffer, position) => file.read(buffer, 0, buffer.byteLength, position), path);
}

async function readBounded(
  readAt: (buffer: Buffer, position: number) => Promise<{ bytesRead: number }>,
  path: string,
): Promise<string> {
  const parts: Buffer[] = [];
  for (let total = 0; ;) {
    const buffer = Buffer.allocUnsafe(65_536);
    const { bytesRead } = await readAt(buffer, total);
    if (bytesRead === 0) return Buffer.concat(parts).toString();
    parts.push(buffer.subarray(0, bytesRead));
    total += bytesRead;
    if (total > MAX_BYTES)
      throw invalidArgument(`${path} of the container is larger than ${MAX_BYTES} bytes`);
  }
}

/** What a container on these layers, topmost first, finds at a path; undefined: nothing, or a special file. Nothing is mounted. */
export async function lookInLayers(
  layers: readonly string[],
  path: string,
): Promise<'file' | 'directory' | 'empty directory' | undefined> {
  const found = await resolveMerged(layers, path);
  if (found?.kind !== 'directory') return found?.kind;
  const names = new Set((await Promise.all(found.paths.map((each) => readdir(each)))).flat());
  for (const name of names) if ((await lookUp(found.paths, name)) !== undefined) return 'directory';
  return 'empty directory';
}

type Place = Exclude<Found, { readonly kind: 'link' }>;

/** Where a path of the merged tree lies: the file of the topmost layer that has it, or all directories that make it up. */
async function resolveMerged(layers: readonly string[], path: string): Promise<Place | undefined> {
  let rest = path.split('/').filter((name) => name !== '');
  /** The directories that make up where we are, topmost first, by depth. */
  const stack: (readonly string[])[] = [layers];
  for (let links = 0; ;) {
    const name = rest.shift();
    if (name === undefined) return { kind: 'directory', paths: stack.at(-1) ?? [] };
    if (name === '.' || name === '') continue;
    if (name === '..') {
      if (stack.length > 1) stack.pop();
      continue;
    }
    const found = await lookUp(stack.at(-1) ?? [], name);
    if (found === undefined) return undefined;
    if (found.kind === 'file') return rest.length === 0 ? found : undefined;
    if (found.kind === 'directory') {
      stack.push(found.paths);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return undefined;
    if (found.target.startsWith('/')) stack.splice(1);
    rest = [...found.target.split('/').filter((each) => each !== ''), ...rest];
  }
}

type Found =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'directory'; readonly paths: readonly string[] };

/** One name in a merged directory, as overlayfs would find it (Documentation/filesystems/overlayfs.rst). */
async function lookUp(directories: readonly string[], name: string): Promise<Found | undefined> {
  const paths = directories.map((directory) => posix.join(directory, name));
  const statuses = await Promise.all(paths.map((path) => lstat(path).catch(ignoreMissing)));
  const merged: string[] = [];
  for (const [index, status] of statuses.entries()) {
    const path = paths[index] ?? '';
    if (status === undefined) continue;
    if (!status.isDirectory()) {
      // A file or a whiteout ends the merge; only at its top does it count itself.
      if (merged.length > 0) break;
      if (status.isFile()) return { kind: 'file', path };
      return status.isSymbolicLink() ? { kind: 'link', target: await readlink(path) } : undefined;
    }
    merged.push(path);
    if (isOpaque(path)) break;
  }
  return merged.length === 0 ? undefined : { kind: 'directory', paths: merged };
}

const isOpaque = (path: string): boolean => hasXattr(path, { name: 'trusted.overlay.opaque', value: 'y' });

function ignoreMissing(error: unknown): undefined {
  if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
  throw error;
}
