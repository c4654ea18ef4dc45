import type { Catalog } from '../catalog.ts';
import { findImage } from '../find.ts';
import type { Image } from '../images.ts';
import { complete, parseAnyReference, type Reference } from '../reference.ts';
import { requirePlatform } from './platform.ts';

/** An image to save, with the names that the archive gives it. */
export interface Chosen {
  readonly image: Image;
  /** With a tag each, sorted. */
  readonly names: readonly Reference[];
}

/**
 * What `docker save` means by these references: a repository is all its tags, an id or a digest is an image without a name, and
 * an image that is named twice is saved once, with all those names. In the order of the references. Throws `not-found`.
 */
export function chooseImages(
  catalog: Catalog,
  references: readonly string[],
  platform: string | undefined,
): Chosen[] {
  const chosen = new Map<string, { image: Image; names: Map<string, Reference> }>();
  for (const { image, name } of references.flatMap((reference) => meant(catalog, reference))) {
    requirePlatform(image, platform, references.join(' '));
    const entry = chosen.get(image.id) ?? { image, names: new Map() };
    chosen.set(image.id, entry);
    if (name !== undefined) entry.names.set(complete(name), name);
  }
  return [...chosen.values()].map(({ image, names }) => ({
    image,
    names: [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, name]) => name),
  }));
}

interface Meant {
  readonly image: Image;
  readonly name: Reference | undefined;
}

function meant(catalog: Catalog, text: string): Meant[] {
  const wanted = parseAnyReference(text);
  if (wanted.kind === 'id') return [{ image: findImage(catalog, text), name: undefined }];
  const { reference } = wanted;
  if (reference.tag === undefined && reference.digest === undefined) {
    const tagged = repository(catalog, reference.name);
    return tagged.length > 0 ? tagged : [{ image: findImage(catalog, text), name: undefined }];
  }
  const name = reference.digest === undefined ? reference : undefined;
  const image = findImage(catalog, text);
  // The beginning of an id is tried last, and `sha256:12ab` looks like a name with a tag.
  const isNamed = name !== undefined && catalog.named(name) !== undefined;
  return [{ image, name: isNamed ? name : undefined }];
}

/** All names of a repository; a digest names the image, but gives it no name in the archive. */
export function repository(catalog: Catalog, repositoryName: string): Meant[] {
  return catalog.list().flatMap((image) =>
    catalog
      .names(image.id)
      .filter(({ name }) => name === repositoryName)
      .map((name) => ({ image, name: name.tag === undefined ? undefined : name })),
  );
}
