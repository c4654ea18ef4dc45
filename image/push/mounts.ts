import type { Catalog } from '../catalog.ts';
import type { Digest } from '../digest.ts';

/** Docker tries no more either: each costs a request. */
const MAX_CANDIDATES = 3;

/**
 * Repositories of the same registry that have a blob: images that share it were pulled from there or pushed there. `repository` is
 * complete, and so are the results, without itself.
 */
export function mountCandidates(catalog: Catalog, blob: Digest, repository: string): string[] {
  const registry = domainOf(repository);
  const found = new Set<string>();
  for (const { id } of catalog.list()) {
    if (!catalog.blobs(id).includes(blob)) continue;
    const names = catalog.names(id).filter(({ digest }) => digest !== undefined);
    for (const { name } of names) found.add(name);
    for (const source of catalog.sources(id)) found.add(source.repository);
  }
  found.delete(repository);
  return [...found]
    .filter((name) => domainOf(name) === registry)
    .sort()
    .slice(0, MAX_CANDIDATES);
}

export const domainOf = (name: string): string => name.slice(0, name.indexOf('/'));

/** What the registry calls it: `library/busybox`. */
export const pathOf = (name: string): string => name.slice(name.indexOf('/') + 1);
