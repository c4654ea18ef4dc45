import type { Ctx } from '../common/ctx.ts';
import { open } from 'node:fs/promises';
import { failpoint } from '../common/failpoints.ts';
import { isErrno } from '../native/sys/files.ts';
import type { Digest } from './digest.ts';
import type { Image, RemovedImage } from './images.ts';
import type { StoreParts } from './parts.ts';
import { familiar, type Reference } from './reference.ts';
import type { Layer } from './snapshots/layers.ts';

export interface Deleted {
  readonly removed: readonly RemovedImage[];
  /** On the disk: of layers and blobs that nothing else has. */
  readonly freedBytes: number;
}

/** Takes names away from an image, without a look at what is left of it. */
export function untagImage(
  { catalog, onEvent }: StoreParts,
  image: Image,
  names: readonly Reference[],
): RemovedImage[] {
  catalog.unname(names);
  for (const _ of names) onEvent('untag', image.id, image.id);
  return names.map((name) => ({ untagged: familiar(name) }));
}

/** Deletes an image with `names`, which are all that it has, and with what only it has. The caller has decided that it may. Until it waits, all rows are gone. */
export async function deleteImage(
  parts: StoreParts,
  ctx: Ctx,
  { image, names }: { readonly image: Image; readonly names: readonly Reference[] },
): Promise<Deleted> {
  const { catalog, layers, onEvent } = parts;
  const untagged = untagImage(parts, image, names);
  const blobs = catalog.blobs(image.id);
  catalog.remove(image.id);
  const gone = layers.forget(parts.live());
  onEvent('delete', image.id, image.id);
  const freedBytes = await discard(parts, ctx, { gone, blobs });
  const deleted = gone.map(({ chain }) => ({ deleted: chain }));
  return { removed: [...untagged, { deleted: image.id }, ...deleted], freedBytes };
}

/** Removes what has no row any more. A crash in between leaves work for the next start. Returns what it freed on the disk, in bytes. */
export async function discard(
  parts: Pick<StoreParts, 'db' | 'layers' | 'content' | 'catalog' | 'recipes' | 'owners'>,
  ctx: Ctx,
  { gone, blobs }: { readonly gone: readonly Layer[]; readonly blobs: readonly Digest[] },
): Promise<number> {
  const { db, layers, content, catalog, recipes, owners } = parts;
  const isOwned = (digest: Digest): boolean => catalog.liveBlobs().has(digest) || owners.ownsBlob(digest);
  const unowned = blobs.filter((digest) => !isOwned(digest) && !content.isHeld(digest));
  if (gone.length === 0 && unowned.length === 0) return 0;
  await flush(db.location());
  await failpoint('image.forgotten');
  await layers.discard(gone);
  const layerBytes = gone.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
  let recipeBytes = 0;
  for (const digest of unowned) {
    if (!isOwned(digest) && !content.isHeld(digest)) recipeBytes += await recipes.remove(digest);
  }
  return layerBytes + recipeBytes + (await content.discard(ctx, unowned, isOwned));
}

/**
 * Waits until committed transactions are on the disk (`synchronous=NORMAL` does not): after a power cut no row may own what was
 * removed. Another thread waits, not this one. Source: https://www.sqlite.org/pragma.html#pragma_synchronous
 */
export async function flush(database: string | null): Promise<void> {
  if (database === null) return;
  try {
    await using log = await open(`${database}-wal`, 'r');
    await log.datasync();
  } catch (error) {
    // All of it is in the database, which a checkpoint has flushed.
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
