import type { Digest } from '../digest.ts';
import type { ImageDiff, ImageUsage, LayerView, Usage } from '../disk.ts';
import type { Image } from '../images.ts';
import type { StoreParts } from '../parts.ts';
import type { ChainId, ImageId } from '../snapshots.ts';
import type { ImageUse } from './use.ts';

/** Adds up what the rows say. Linear in images and layers. */
export function usageOf(parts: StoreParts, use: ImageUse, owners: Owners): Usage {
  const { layers, content, catalog, recipes } = parts;
  const all = [...layers.all()];
  const [blobs, ofRecipes] = [content.total(), recipes.total()];
  return {
    layersBytes: sum(all.map(({ sizeBytes }) => sizeBytes)),
    layersDiskBytes: sum(all.map((layer) => layer.diskBytes)),
    contentBytes: blobs.bytes + ofRecipes.bytes,
    contentDiskBytes: blobs.diskBytes + ofRecipes.diskBytes,
    partialBytes: sum(content.partials.list().map((partial) => partial.bytes)),
    images: catalog.list().map((image) => imageUsage(parts, { image, use, owners })),
  };
}

/** Images', and what namespaces of containerd's API have a name for. */
export const ownedBlobs = ({
  catalog,
  owners,
}: Pick<StoreParts, 'catalog' | 'owners'>): ReadonlySet<Digest> =>
  new Set([...catalog.liveBlobs(), ...owners.blobs()]);

export type Owners = ReadonlyMap<ChainId, readonly ImageId[]>;

/** Which images have each layer. */
export function layerOwners({ catalog }: Pick<StoreParts, 'catalog'>): Owners {
  const owners = new Map<ChainId, ImageId[]>();
  for (const { id } of catalog.list()) {
    for (const chain of catalog.chains(id)) {
      const known = owners.get(chain);
      if (known === undefined) owners.set(chain, [id]);
      else known.push(id);
    }
  }
  return owners;
}

/** The same, counted once for each list of images: a client asks for the layers of all of them one by one. */
export function rememberedOwners({ catalog }: Pick<StoreParts, 'catalog'>): () => Owners {
  let counted: { readonly images: readonly Image[]; readonly owners: Owners } | undefined;
  return () => {
    const images = catalog.list();
    if (counted?.images !== images) counted = { images, owners: layerOwners({ catalog }) };
    return counted.owners;
  };
}

/** Docker's SharedSize: of layers that more than one image has. */
function imageUsage(
  { catalog, layers }: StoreParts,
  { image, use, owners }: { readonly image: Image; readonly use: ImageUse; readonly owners: Owners },
): ImageUsage {
  const bytesOf = (chains: readonly ChainId[]): number =>
    sum(chains.map((chain) => layers.get(chain)?.sizeBytes ?? 0));
  const isShared = (chain: ChainId): boolean => (owners.get(chain)?.length ?? 0) > 1;
  const chains = catalog.chains(image.id);
  return {
    id: image.id,
    sharedBytes: bytesOf(chains.filter((chain) => isShared(chain))),
    uniqueBytes: bytesOf(chains.filter((chain) => !isShared(chain))),
    lastUsedAt: use.lastUsedAt(image.id),
    pinned: use.isPinned(image.id),
  };
}

/** Lowest first. */
export function layerViews(parts: StoreParts, image: Image, owners: Owners): LayerView[] {
  const { catalog, content, layers, directories, rebuilt, recipes } = parts;
  const blobs = layerBlobs(parts, image.id);
  return catalog.chains(image.id).flatMap((chainId, index) => {
    const [layer, diffId, blob] = [layers.get(chainId), image.diffIds[index], blobs[index]];
    if (layer === undefined || diffId === undefined) return [];
    const blobBytes = blob === undefined ? undefined : rebuilt.sizeBytes(blob);
    const isKept = blob === undefined || content.size(blob) !== undefined;
    return {
      blob: blobBytes === undefined ? undefined : blob,
      blobBytes,
      recipeBytes: isKept ? undefined : recipes.size(blob)?.bytes,
      diffId,
      chainId,
      directory: directories.layer(layer.directory),
      sizeBytes: layer.sizeBytes,
      diskBytes: layer.diskBytes,
      images: owners.get(chainId) ?? [],
    };
  });
}

/** Of an image's layers, lowest first; the catalog has them behind configuration and manifest. */
export function layerBlobs({ catalog }: Pick<StoreParts, 'catalog'>, id: ImageId): readonly Digest[] {
  const count = catalog.chains(id).length;
  return count === 0 ? [] : catalog.blobs(id).slice(-count);
}

/** A chain id stands for the layer and all below it, so what is shared is always the lowest layers. */
export function diffOf(first: readonly LayerView[], second: readonly LayerView[]): ImageDiff {
  const inSecond = new Set(second.map(({ chainId }) => chainId));
  const inFirst = new Set(first.map(({ chainId }) => chainId));
  return {
    shared: first.filter(({ chainId }) => inSecond.has(chainId)),
    onlyFirst: first.filter(({ chainId }) => !inSecond.has(chainId)),
    onlySecond: second.filter(({ chainId }) => !inFirst.has(chainId)),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
