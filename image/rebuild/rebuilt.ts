import { join } from 'node:path';
import type { Ctx } from '../../common/ctx.ts';
import { internal, messageOf, WherryError } from '../../common/errors.ts';
import { rm } from '../../common/patient-fs.ts';
import type { Digest } from '../digest.ts';
import { layerBlobs } from '../disk/usage.ts';
import type { StoreParts } from '../parts.ts';
import type { DiffId } from '../snapshots.ts';
import type { Layer } from '../snapshots/layers.ts';
import type { Rebuilt, Recipe, WholeBlob } from './contract.ts';

interface Parts extends Pick<
  StoreParts,
  'catalog' | 'content' | 'layers' | 'directories' | 'workers' | 'recipes'
> {
  /** Of blobs that somebody holds, an entry for each time. */
  readonly held: Set<ReadonlyMap<Digest, readonly LayerOfBlob[]>>;
}

/** An unpacked layer that came from a blob, or from another one of the same tar. */
export interface LayerOfBlob {
  readonly layer: Layer;
  readonly diffId: DiffId;
}

/** The layers that images have of a blob: one for each chain id, since the same layer may lie on different ones. */
export function layersOf(parts: Pick<StoreParts, 'catalog' | 'layers'>, digest: Digest): LayerOfBlob[] {
  const { catalog, layers } = parts;
  const found = new Map<string, LayerOfBlob>();
  for (const { id, diffIds } of catalog.list()) {
    const index = layerBlobs(parts, id).indexOf(digest);
    const [chain, diffId] = [catalog.chains(id)[index], diffIds[index]];
    const layer = chain === undefined ? undefined : layers.get(chain);
    if (layer !== undefined && diffId !== undefined) found.set(layer.chain, { layer, diffId });
  }
  return [...found.values()];
}

/** Also those whose images were removed while somebody holds the blob. */
function layersFor(parts: Parts, digest: Digest): readonly LayerOfBlob[] {
  const found = layersOf(parts, digest);
  if (found.length > 0) return found;
  const held = [...parts.held].find((each) => each.has(digest))?.get(digest) ?? [];
  return held.flatMap(({ layer, diffId }) => {
    // With another directory, if it was exchanged.
    const now = parts.layers.get(layer.chain);
    return now === undefined ? [] : [{ layer: now, diffId }];
  });
}

export function openRebuilt(others: Omit<Parts, 'held'>): Rebuilt {
  const parts: Parts = { ...others, held: new Set() };
  const { content, recipes } = parts;
  const can = (digest: Digest): boolean =>
    recipes.get(digest) !== undefined && layersFor(parts, digest).length > 0;
  return {
    can,
    sizeBytes: (digest) =>
      content.size(digest)?.bytes ?? (can(digest) ? recipes.get(digest)?.blobBytes : undefined),
    open: async (ctx, digest) => {
      const size = content.size(digest);
      if (size !== undefined) return kept(content.path(digest), size.bytes);
      const recipe = recipes.get(digest);
      if (recipe === undefined) {
        throw new WherryError('unavailable', `Cannot read the blob ${digest}: it is not kept in the store`);
      }
      const incoming = await content.ingest();
      try {
        const path = join(incoming.directory, 'blob');
        await make(parts, ctx, { recipe, file: path });
        const dispose = async (): Promise<void> => incoming[Symbol.asyncDispose]();
        return { path, sizeBytes: recipe.blobBytes, [Symbol.asyncDispose]: dispose };
      } catch (error) {
        await incoming[Symbol.asyncDispose]();
        throw error;
      }
    },
    hold: (digests) => hold(parts, digests),
    problem: async (ctx, digest) => {
      const recipe = recipes.get(digest);
      if (recipe === undefined) return 'there is no recipe';
      try {
        await make(parts, ctx, { recipe, file: undefined });
        return undefined;
      } catch (error) {
        ctx.check();
        return messageOf(error);
      }
    },
  };
}

function hold(parts: Parts, digests: readonly Digest[]): Disposable {
  const dropped = digests.filter((digest) => parts.recipes.get(digest) !== undefined);
  const own = new Map(dropped.map((digest) => [digest, layersFor(parts, digest)]));
  const chains = [...own.values()].flatMap((found) => found.map(({ layer }) => layer.chain));
  const layers = parts.layers.hold(chains);
  parts.held.add(own);
  return {
    [Symbol.dispose]: () => {
      parts.held.delete(own);
      layers[Symbol.dispose]();
    },
  };
}

const kept = (path: string, sizeBytes: number): WholeBlob => ({
  path,
  sizeBytes,
  [Symbol.asyncDispose]: async () => {},
});

/** Of the first layer that makes what the digest says. Throws what is wrong with each of them. */
async function make(
  parts: Parts,
  ctx: Ctx,
  { recipe, file }: { readonly recipe: Recipe; readonly file: string | undefined },
): Promise<void> {
  const { layers, directories, recipes, workers } = parts;
  const { digest, recompression } = recipe;
  const failures: string[] = [];
  for (const { layer } of layersFor(parts, digest)) {
    using _ = layers.hold([layer.chain]);
    const directory = directories.layer(layer.directory);
    const job = { kind: 'rebuild', recipe: recipes.path(digest), directory, recompression, file } as const;
    try {
      const made = await workers.run(ctx, job);
      if (made.digest === digest) return;
      failures.push(`layer ${layer.chain} in "${directory}" has changed, it makes ${made.digest}`);
    } catch (error) {
      ctx.check();
      failures.push(`layer ${layer.chain}: ${messageOf(error)}`);
    }
    if (file !== undefined) await rm(file, { force: true });
  }
  const why = failures.length === 0 ? 'its layer is not there' : failures.join('; ');
  throw internal(
    `Cannot make the blob ${digest} again: ${why}; "wherry system check --repair" fetches it once more`,
  );
}
