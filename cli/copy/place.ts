import { lstat, realpath, stat, readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import { fileError } from '../container/environment.ts';

/** One side of a copy: a path of a container, or of this machine (`-` is a stream). */
export interface CopyPlace {
  readonly container: string | undefined;
  readonly path: string;
}

/** What is told of a source or a destination. */
export interface PlaceInfo {
  /** With the slash or `/.` that the user wrote. */
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
  /** What the archive's first name is to become, where a link was followed. */
  readonly rename?: string;
}

/** `container:path`, unless it begins like a path. Source: docker/cli, splitCpArg. */
export function parsePlace(argument: string): CopyPlace {
  const colon = argument.indexOf(':');
  const container = argument.slice(0, Math.max(colon, 0));
  if (argument.startsWith('/') || colon < 0 || container.startsWith('.')) {
    return { container: undefined, path: argument };
  }
  return { container, path: argument.slice(colon + 1) };
}

/** A slash or `/.` at the end of `original` stays, since it means something. Source: moby, PreserveTrailingDotOrSeparator. */
export function keepEnding(cleaned: string, original: string): string {
  if (original === '.' || original.endsWith('/.')) return cleaned === '/' ? '/.' : `${cleaned}/.`;
  return original.endsWith('/') && cleaned !== '/' ? `${cleaned}/` : cleaned;
}

/** Absolute, of this machine. */
export const localPath = (path: string): string => keepEnding(posix.resolve(path), path);

export const endsAsDirectory = (path: string): boolean => /(?:^|\/)\.?$/.test(path);

/** Directory and last part; `.` of a path that ends in `/.`. */
export function splitPath(path: string): readonly [directory: string, base: string] {
  if (path.endsWith('/.')) return [path.slice(0, -2) || '/', '.'];
  const plain = path.replace(/\/+$/, '') || '/';
  return [posix.dirname(plain), posix.basename(plain) || '/'];
}

/** Throws when the source is not there. */
export async function sourceInfo(path: string, follow: boolean): Promise<PlaceInfo> {
  try {
    const found = await (endsAsDirectory(path) ? stat(path) : lstat(path));
    if (!found.isSymbolicLink())
      return { path, exists: true, isDirectory: checked(path, found.isDirectory()) };
    if (!follow) return { path, exists: true, isDirectory: false };
    const target = await realpath(path);
    const isDirectory = (await stat(target)).isDirectory();
    return { path: target, exists: true, isDirectory, rename: posix.basename(path) };
  } catch (error) {
    throw 'code' in (error as object) && (error as { code: unknown }).code !== 'invalid-argument'
      ? fileError('lstat', path, error)
      : error;
  }
}

function checked(path: string, isDirectory: boolean): boolean {
  if (!isDirectory && endsAsDirectory(path)) throw invalidArgument('not a directory');
  return isDirectory;
}

const MAX_LINKS = 10;

/** Links at its end are followed; where nothing is, the directory above has to be there. */
export async function destinationInfo(path: string): Promise<PlaceInfo> {
  let at = path;
  for (let links = 0; links < MAX_LINKS; links += 1) {
    const found = await lstat(at).catch(() => undefined);
    if (found === undefined) {
      await stat(splitPath(at)[0]).catch((error: unknown) => {
        throw fileError('lstat', splitPath(at)[0], error);
      });
      return { path: at, exists: false, isDirectory: false };
    }
    if (!found.isSymbolicLink()) return { path: at, exists: true, isDirectory: found.isDirectory() };
    at = posix.resolve(posix.dirname(at), await readlink(at));
  }
  throw invalidArgument(`too many symlinks in "${path}"`);
}
