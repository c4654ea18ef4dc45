import { constants as fs } from 'node:fs';
import { posix } from 'node:path';
import {
  closeFd,
  openAt2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFMT,
  statAt,
} from '../../native/sys/files.ts';
import { mountIdAt } from '../../native/sys/mounts.ts';
import { bytesOf } from '../layers/attributes.ts';
import { tarMember, type WrittenLinks } from '../roots/members.ts';
import type { Visited } from '../roots/walk.ts';
import { TAR_END } from '../tar/writer.ts';
import { baseOf, cleanPath } from './path.ts';
import { checkPlace, openPlace } from './status.ts';
import { walkTree } from './walk.ts';

const DIRECTORY = { flags: fs.O_RDONLY | fs.O_DIRECTORY, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

/** Runs a CopyOutJob: the tar in pieces. */
export function* copyOut(root: number, path: string): Generator<Uint8Array> {
  const cleaned = cleanPath(path);
  const place = openPlace(root, cleaned);
  const isDirectory = (statAt(place, '').mode & S_IFMT) === S_IFDIR;
  closeFd(place);
  const members = new Members(baseOf(cleaned));
  if (isDirectory) yield* directoryMembers(root, cleaned, members);
  else yield* fileMember(root, cleaned, members);
  yield TAR_END;
}

function* directoryMembers(root: number, path: string, members: Members): Generator<Uint8Array> {
  const top = openAt2(root, path, DIRECTORY);
  try {
    checkPlace(top, path);
    for (const visited of walkTree(top, { isRoot: path === '/' || path === '/.' }))
      yield* members.write(visited);
  } finally {
    closeFd(top);
  }
}

function* fileMember(root: number, path: string, members: Members): Generator<Uint8Array> {
  const fd = openAt2(root, posix.dirname(path), DIRECTORY);
  try {
    checkPlace(fd, path);
    const name = Buffer.from(posix.basename(path)).toString('latin1');
    yield* members.write({ parts: [], fd, name, status: statAt(fd, bytesOf(name)) });
  } finally {
    closeFd(fd);
  }
}

/** Names begin with the base. Inodes are unique within a file system only, and a container has several. */
class Members {
  readonly #base: string;
  readonly #links = new Map<bigint, WrittenLinks>();

  constructor(base: string) {
    this.#base = Buffer.from(base === '/' ? '' : base).toString('latin1');
  }

  write(visited: Visited): Generator<Uint8Array> {
    return tarMember({ ...visited, parts: [this.#base, ...visited.parts] }, this.#linksOf(visited));
  }

  #linksOf({ fd, name, status }: Visited): WrittenLinks {
    if (status.links < 2) return new Map();
    const mount = mountIdAt(fd, bytesOf(name));
    const known = this.#links.get(mount) ?? new Map();
    this.#links.set(mount, known);
    return known;
  }
}
