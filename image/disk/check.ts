import type { Ctx } from '../../common/ctx.ts';
import type { CheckRequest, Damage } from '../disk.ts';
import type { Digest } from '../digest.ts';
import type { StoreParts } from '../parts.ts';
import type { ChainId, ImageId } from '../snapshots.ts';
import { checkBlob } from './check-blob.ts';
import type { Origins } from './fetch-again.ts';
import { checkLayer } from './check-layer.ts';
import { ownedBlobs } from './usage.ts';

/** Disk.check. What it looks at is held meanwhile, so that nobody removes it. */
export async function check(
  parts: StoreParts,
  ctx: Ctx,
  request: CheckRequest & { readonly origins: Origins | undefined },
): Promise<readonly Damage[]> {
  const { content, layers } = parts;
  try {
    const blobs = [...ownedBlobs(parts)];
    // Those below first: what a layer implies is looked up in them.
    const chains = [...layers.all()]
      .map((layer) => ({ layer, height: layers.stack(layer.chain).length }))
      .sort((a, b) => a.height - b.height)
      .map(({ layer }) => layer.chain);
    using _blobs = content.hold(blobs);
    using _chains = layers.hold(chains);
    const damage: Damage[] = [];
    const bad = new Set<Digest>();
    const owners = blobOwners(parts);
    for (const digest of blobs) {
      const found = await checkBlob(parts, ctx, { digest, images: owners.get(digest) ?? [], ...request });
      if (found === undefined) continue;
      damage.push(found);
      if (!found.repaired) bad.add(digest);
    }
    const badChains = new Set<ChainId>();
    for (const chain of chains) {
      const found = await checkLayer(parts, ctx, { chain, bad, badChains, request });
      if (found === undefined) continue;
      damage.push(found);
      if (!found.repaired) badChains.add(chain);
    }
    return damage;
  } finally {
    await parts.collect(ctx);
  }
}

function blobOwners({ catalog }: StoreParts): ReadonlyMap<Digest, readonly ImageId[]> {
  const owners = new Map<Digest, ImageId[]>();
  for (const { id } of catalog.list()) {
    for (const digest of new Set(catalog.blobs(id))) owners.set(digest, [...(owners.get(digest) ?? []), id]);
  }
  return owners;
}
