import type { Pruned } from '../disk.ts';
import type { Image, RemovedImage } from '../images.ts';
import type { StoreParts } from '../parts.ts';
import { familiar } from '../reference.ts';

/** Tells what the removal of images would do, one after the other, and does nothing. */
export interface RemovalPlan {
  remove(image: Image): Pruned;
}

/** Counts who needs each layer and blob: images, writable snapshots, and work in flight as far as it holds blobs. */
export function planRemovals(parts: StoreParts): RemovalPlan {
  const { catalog, layers, content, recipes, snapshots } = parts;
  // Apart, since the lowest layer's chain id may be the digest of its blob.
  const chainNeeds = new Needs(catalog.list().map(({ id }) => catalog.chains(id)));
  const blobNeeds = new Needs(catalog.list().map(({ id }) => catalog.blobs(id)));
  for (const { top } of snapshots.all()) {
    if (top !== undefined) chainNeeds.add(layers.stack(top).map(({ chain }) => chain));
  }
  return {
    remove: ({ id }) => {
      const chains = chainNeeds.drop(catalog.chains(id)).reverse();
      const blobs = blobNeeds.drop(catalog.blobs(id)).filter((blob) => !content.isHeld(blob));
      const untagged: RemovedImage[] = catalog.names(id).map((name) => ({ untagged: familiar(name) }));
      const layerBytes = chains.reduce((sum, chain) => sum + (layers.get(chain)?.diskBytes ?? 0), 0);
      const blobBytes = blobs
        .flatMap((blob) => [content.size(blob), recipes.size(blob)])
        .reduce((sum, size) => sum + (size?.diskBytes ?? 0), 0);
      return {
        removed: [...untagged, { deleted: id }, ...chains.map((chain) => ({ deleted: chain }))],
        reclaimedBytes: layerBytes + blobBytes,
      };
    },
  };
}

class Needs<K> {
  readonly #counts = new Map<K, number>();

  constructor(groups: readonly (readonly K[])[]) {
    for (const group of groups) this.add(group);
  }

  add(group: readonly K[]): void {
    for (const key of new Set(group)) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Returns what nobody needs any more, in the order of `group`. */
  drop(group: readonly K[]): K[] {
    return [...new Set(group)].filter((key) => {
      const left = (this.#counts.get(key) ?? 0) - 1;
      this.#counts.set(key, left);
      return left === 0;
    });
  }
}
