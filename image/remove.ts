import { conflict } from '../common/errors.ts';
import { shortId } from '../common/ids.ts';
import type { Catalog } from './catalog.ts';
import { findImage, isIdPrefix } from './find.ts';
import type { Image } from './images.ts';
import { parseReference, withDefaultTag, type Reference } from './reference.ts';
import type { ImageId } from './snapshots.ts';

/** What `docker rmi` will do: names to take away, in this order, and perhaps the image itself. */
export interface Removal {
  readonly image: Image;
  readonly untag: readonly Reference[];
  readonly deleteImage: boolean;
}

interface Request {
  readonly reference: string;
  readonly force: boolean;
  readonly users: (id: ImageId) => readonly { id: string; running: boolean }[];
}

/**
 * Decides a removal by docker's rules, and changes nothing. A name untags, and deletes the image with its last name unless a
 * container uses it; an id deletes, and must be forced past names in several repositories and past stopped containers; nothing is
 * forced past a running one. Throws `not-found` and `conflict` with docker's texts.
 */
export function planRemoval(catalog: Catalog, request: Request): Removal {
  const image = findImage(catalog, request.reference);
  const names = catalog.names(image.id);
  return isIdPrefix(image, request.reference)
    ? removeById(image, names, request)
    : removeByName(image, names, request);
}

function removeByName(image: Image, names: readonly Reference[], request: Request): Removal {
  const [user] = request.users(image.id);
  if (!request.force && user !== undefined && isSingle(names)) {
    throw conflict(
      `conflict: unable to remove repository reference "${request.reference}" (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`,
    );
  }
  const parsed = withDefaultTag(parseReference(request.reference));
  const given = parsed.digest === undefined ? parsed : { ...parsed, tag: undefined };
  const others = names.filter((name) => !isSame(name, given));
  const orphans = given.digest === undefined ? orphanedDigests(others, given) : [];
  const left = others.filter((name) => !orphans.includes(name));
  const used = request.users(image.id).some(({ running }) => running || !request.force);
  return { image, untag: [given, ...orphans], deleteImage: left.length === 0 && !used };
}

/** Digests of a repository whose last tag goes, go with it. */
function orphanedDigests(others: readonly Reference[], given: Reference): Reference[] {
  const sameRepository = others.filter(({ name }) => name === given.name);
  return sameRepository.every(({ digest }) => digest !== undefined) ? sameRepository : [];
}

function removeById(image: Image, names: readonly Reference[], request: Request): Removal {
  const users = request.users(image.id);
  const running = users.find((user) => user.running);
  if (running !== undefined) {
    throw undeletable(
      image,
      'cannot be forced',
      `image is being used by running container ${shortId(running.id)}`,
    );
  }
  if (!request.force && names.length > 0 && !isSingle(names)) {
    throw undeletable(image, 'must be forced', 'image is referenced in multiple repositories');
  }
  const [stopped] = users;
  if (!request.force && stopped !== undefined) {
    throw undeletable(
      image,
      'must be forced',
      `image is being used by stopped container ${shortId(stopped.id)}`,
    );
  }
  return { image, untag: names, deleteImage: true };
}

const undeletable = (image: Image, force: string, why: string): Error =>
  conflict(`conflict: unable to delete ${shortId(image.id)} (${force}) - ${why}`);

/** All names are of one repository, with one tag at most. */
function isSingle(names: readonly Reference[]): boolean {
  const tags = names.filter(({ digest }) => digest === undefined);
  return names.length > 0 && tags.length <= 1 && new Set(names.map(({ name }) => name)).size === 1;
}

const isSame = (a: Reference, b: Reference): boolean =>
  a.name === b.name && a.tag === b.tag && a.digest === b.digest;
