import { statfs } from 'node:fs/promises';
import type { Ctx } from '../../common/ctx.ts';
import type { IsUsed, Pruned, WaterMarks } from '../disk.ts';
import type { Image } from '../images.ts';
import type { StoreParts } from '../parts.ts';
import { removeAll } from './prune.ts';
import type { ImageUse } from './use.ts';

export interface ReclaimRequest {
  readonly dryRun: boolean;
  readonly isUsed: IsUsed;
  readonly marks: WaterMarks;
}

const NOTHING: Pruned = { removed: [], reclaimedBytes: 0 };

/** Disk.reclaim. */
export async function reclaim(
  parts: StoreParts,
  use: ImageUse,
  { ctx, request }: { readonly ctx: Ctx; readonly request: ReclaimRequest },
): Promise<Pruned> {
  const { marks, isUsed, dryRun } = request;
  if (marks.highPercent === 0) return NOTHING;
  // What is on its way out still counts on the disk: without waiting, further images would go for it.
  await parts.trash.close();
  const targetBytes = bytesAbove(await statfs(parts.dataRoot), marks);
  if (targetBytes <= 0) return NOTHING;
  const mayRemove = ({ id }: Image): boolean => !isUsed(id) && !use.isPinned(id);
  const oldestFirst = parts.catalog
    .list()
    .map((image) => ({ image, usedAt: use.lastUsedAt(image.id) }))
    .sort((a, b) => (a.usedAt < b.usedAt ? -1 : 1))
    .map(({ image }) => image);
  return removeAll(parts, oldestFirst, { ctx, dryRun, mayRemove, targetBytes });
}

/** What must go to get below the low mark; 0 unless the disk is above the high one. What is reserved for root counts as used. */
export function bytesAbove(
  { blocks, bavail, bsize }: { readonly blocks: number; readonly bavail: number; readonly bsize: number },
  { highPercent, lowPercent }: WaterMarks,
): number {
  const usedBytes = (blocks - bavail) * bsize;
  const percentBytes = (blocks * bsize) / 100;
  return usedBytes > highPercent * percentBytes ? usedBytes - lowPercent * percentBytes : 0;
}
