import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { invalidArgument, notFound } from '../../../common/errors.ts';

export const DEFAULT_EXEC_ROOT = '/run/wherry';

/** A shim's directory: it holds `sock` while the shim lives, and `exit` once its process has ended. */
export interface Place {
  readonly id: string;
  readonly directory: string;
}

/** All of an exec root: containers' and execs'. */
export function placesIn(execRoot: string): Place[] {
  const shims = join(execRoot, 'shims');
  try {
    return readdirSync(shims)
      .toSorted()
      .map((id) => ({ id, directory: join(shims, id) }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** By a socket's path, a directory, or an id's first characters. Throws when there is none, or more than one. */
export function findPlace(given: string, execRoot: string): Place {
  if (given.includes('/')) {
    const directory = given.replace(/\/sock$/, '').replace(/\/$/, '');
    statSync(directory);
    return { id: directory.slice(directory.lastIndexOf('/') + 1), directory };
  }
  if (given === '') throw invalidArgument('container id must be specified');
  const all = placesIn(execRoot);
  const found = all.filter(({ id }) => id === given);
  const [first, second] = found.length > 0 ? found : all.filter(({ id }) => id.startsWith(given));
  if (first === undefined) throw notFound(`no shim of "${given}" in ${join(execRoot, 'shims')}: not found`);
  if (second !== undefined)
    throw invalidArgument(`"${given}" is the beginning of several ids: ${first.id}, ${second.id}`);
  return first;
}

export interface LogPosition {
  readonly path: string;
  /** Bytes that the shim has written into the current file. */
  readonly size: number;
  readonly inode: number;
}

/** The log that a shim holds open; undefined for one that writes none. */
export function logOf(shimPid: number): LogPosition | undefined {
  const directory = `/proc/${shimPid}/fd`;
  for (const name of readdirSync(directory)) {
    try {
      const path = readlinkSync(join(directory, name));
      if (!path.endsWith('.log')) continue;
      const { size, ino } = statSync(join(directory, name));
      return { path, size, inode: ino };
    } catch {
      // Closed meanwhile.
    }
  }
  return undefined;
}
