import { invalidArgument } from '../../common/errors.ts';
import { endsAsDirectory, splitPath, type PlaceInfo } from './place.ts';

/** Where an archive is unpacked, and what becomes of the first part of its names. */
export interface Unpacking {
  readonly directory: string;
  readonly rename: { readonly from: string; readonly to: string } | undefined;
}

/** As cp does it: into a directory that is there, else under the name given. Source: moby pkg/archive/copy.go, PrepareArchiveCopy. */
export function chooseTarget(source: PlaceInfo, destination: PlaceInfo): Unpacking {
  const from = splitPath(source.path)[1];
  if (destination.exists && destination.isDirectory) {
    const { rename } = source;
    return { directory: destination.path, rename: rename === undefined ? undefined : { from, to: rename } };
  }
  if (destination.exists && source.isDirectory) throw invalidArgument('cannot copy directory');
  if (!destination.exists && !source.isDirectory && endsAsDirectory(destination.path)) {
    throw invalidArgument('no such directory');
  }
  const [directory, to] = splitPath(destination.path);
  return { directory, rename: { from, to } };
}

/** A name of an archive with its first part exchanged. */
export function renamed(name: string, rename: Unpacking['rename']): string {
  if (rename === undefined) return name;
  const { from, to } = rename;
  if (from === '.') return name === '.' || name === './' ? to : name.replace(/^\.\//, `${to}/`);
  if (from === '/') return `${to}/${name.replace(/^\/+/, '')}`;
  return name === from || name.startsWith(`${from}/`) ? to + name.slice(from.length) : name;
}
