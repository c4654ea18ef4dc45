import { invalidArgument, notFound } from '../common/errors.ts';
import type { Catalog } from './catalog.ts';
import type { Image } from './images.ts';
import { familiar, parseAnyReference, withDefaultTag } from './reference.ts';

/**
 * The image that a client means, in docker's order: a full id, then a name, then the beginning of an id that only one image has.
 * Throws `not-found` with docker's text, `invalid-argument` for what is neither.
 */
export function findImage(catalog: Catalog, text: string): Image {
  const wanted = parseAnyReference(text);
  if (wanted.kind === 'id') {
    const image = catalog.list().find(({ id }) => (id as string) === wanted.id);
    if (image === undefined) throw notFound(`No such image: ${wanted.id}`);
    return image;
  }
  const reference = withDefaultTag(wanted.reference);
  // Docker ignores the tag of a reference that has a digest too.
  const key = reference.digest === undefined ? reference : { ...reference, tag: undefined };
  const image = catalog.named(key) ?? byPrefix(catalog, text);
  if (image === undefined) throw notFound(`No such image: ${familiar(reference)}`);
  return image;
}

function byPrefix(catalog: Catalog, text: string): Image | undefined {
  const prefix = text.replace(/^sha256:/, '');
  if (!/^[0-9a-f]+$/.test(prefix)) return undefined;
  const found = catalog.list().filter(({ id }) => id.startsWith(`sha256:${prefix}`));
  return found.length === 1 ? found[0] : undefined;
}

/** Whether the client named the image by its id or the beginning of it, and not by a name. */
export const isIdPrefix = (image: Image, text: string): boolean =>
  image.id.startsWith(text) || image.id.slice('sha256:'.length).startsWith(text);

/** A name that may be given to an image. Throws `invalid-argument` in docker's words. */
export function parseTarget(text: string): ReturnType<typeof withDefaultTag> {
  const wanted = parseAnyReference(text);
  if (wanted.kind === 'id' || wanted.reference.digest !== undefined) {
    throw invalidArgument('refusing to create a tag with a digest reference');
  }
  if (wanted.reference.name === 'docker.io/library/sha256') {
    throw invalidArgument('refusing to create an ambiguous tag using digest algorithm as name');
  }
  return withDefaultTag(wanted.reference);
}
