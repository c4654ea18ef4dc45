import { constants as fs } from 'node:fs';
import { closeFd, kindAt, namesIn, openAt, renameAt, S_IFDIR, unlinkAt, type Path } from './files.ts';

/** How many directories are held open at once; what lies deeper is moved up first. */
const MAX_DEPTH = 128;

/**
 * Removes `name` in the directory `fd` and all below it, through descriptors: neither a symbolic link, nor a path longer than
 * PATH_MAX, nor a tree deeper than the stack or the descriptor limit stops it. What is gone already is no error.
 */
export function removeTreeAt(fd: number, name: Path): void {
  const pending: Path[] = [name];
  let moved = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    removeBelow({ fd, name: next, depth: 0 }, (from) => {
      const fresh = `.wherry-removed-${process.pid}-${(moved += 1)}`;
      renameAt({ fd: from.fd, path: from.name }, { fd, path: fresh });
      pending.push(fresh);
    });
  }
}

interface Place {
  readonly fd: number;
  readonly name: Path;
  readonly depth: number;
}

function removeBelow(place: Place, moveUp: (from: Place) => void): void {
  const kind = kindAt(place.fd, place.name);
  if (kind === undefined) return;
  if (kind !== S_IFDIR) {
    unlinkAt(place.fd, place.name);
    return;
  }
  if (place.depth === MAX_DEPTH) {
    moveUp(place);
    return;
  }
  const directory = openAt(place.fd, place.name, { flags: fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW });
  try {
    for (const child of namesIn(directory)) {
      removeBelow({ fd: directory, name: child, depth: place.depth + 1 }, moveUp);
    }
  } finally {
    closeFd(directory);
  }
  unlinkAt(place.fd, place.name, true);
}
