import type { Ctx } from '../../common/ctx.ts';
import { deleteImage } from '../delete.ts';
import type { Pruned, PruneRequest } from '../disk.ts';
import type { Image, RemovedImage } from '../images.ts';
import type { StoreParts } from '../parts.ts';
import { planRemovals } from './plan.ts';
import type { ImageUse } from './use.ts';

/** Disk.prune. */
export function prune(
  parts: StoreParts,
  use: ImageUse,
  { ctx, request }: { readonly ctx: Ctx; readonly request: PruneRequest },
): Promise<Pruned> {
  const mayRemove = (image: Image): boolean =>
    isWanted(image, request) && !use.isPinned(image.id) && !request.isUsed(image.id);
  return removeAll(parts, parts.catalog.list(), { ctx, dryRun: request.dryRun, mayRemove });
}

/** A digest without a tag does not keep an image, as in docker. */
function isWanted({ tags, createdAt, config }: Image, request: PruneRequest): boolean {
  const { danglingOnly, createdBefore, labels, notLabels } = request;
  if (danglingOnly && tags.length > 0) return false;
  // Also false for an image that does not say when it was made.
  if (createdBefore !== undefined && !(Date.parse(createdAt) <= createdBefore.getTime())) return false;
  const matches = (wanted: readonly string[]): boolean =>
    wanted.every((label) => hasLabel(config.Labels ?? {}, label));
  return matches(labels) && (notLabels.length === 0 || !matches(notLabels));
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [name = '', ...value] = wanted.split('=');
  if (!Object.hasOwn(labels, name)) return false;
  return value.length === 0 || labels[name] === value.join('=');
}

export interface RemoveAll {
  readonly ctx: Ctx;
  readonly dryRun: boolean;
  /** Asked just before each removal: while the last one went, the next may have got a name or a container. */
  readonly mayRemove: (image: Image) => boolean;
  /** Stops when that much is reclaimed; undefined: removes all. */
  readonly targetBytes?: number;
}

/** Removes images one after the other; stops at the next one when ctx ends. */
export async function removeAll(
  parts: StoreParts,
  images: readonly Image[],
  { ctx, dryRun, mayRemove, targetBytes = Infinity }: RemoveAll,
): Promise<Pruned> {
  const removed: RemovedImage[] = [];
  let reclaimedBytes = 0;
  const plan = dryRun ? planRemovals(parts) : undefined;
  for (const image of images) {
    ctx.check();
    if (reclaimedBytes >= targetBytes) break;
    const present = parts.catalog.get(image.id);
    if (present === undefined || !mayRemove(present)) continue;
    if (plan === undefined) {
      const deleted = await deleteImage(parts, ctx, {
        image: present,
        names: parts.catalog.names(image.id),
      });
      removed.push(...deleted.removed);
      reclaimedBytes += deleted.freedBytes;
    } else {
      const planned = plan.remove(present);
      removed.push(...planned.removed);
      reclaimedBytes += planned.reclaimedBytes;
    }
  }
  return { removed, reclaimedBytes };
}
