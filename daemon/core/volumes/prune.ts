import type { Ctx } from '../../../common/ctx.ts';
import { ANONYMOUS_LABEL, LOCAL_DRIVER, type PruneVolumes } from './contract.ts';
import type { VolumeParts } from './parts.ts';
import { removeVolume } from './remove.ts';
import { showRow } from './show.ts';

/** Volumes.prune: local volumes without options that nobody uses, as docker; one that somebody begins to use meanwhile stays. */
export async function pruneVolumes(
  parts: VolumeParts,
  ctx: Ctx,
  { wanted, all }: PruneVolumes,
): Promise<{ readonly removed: readonly string[]; readonly reclaimedBytes: number }> {
  const removed: string[] = [];
  let reclaimedBytes = 0;
  for (const row of [...parts.table.all()]) {
    const { name, driver, labels, options } = row;
    if (driver !== LOCAL_DRIVER || !wanted(showRow(parts, row))) continue;
    // What lies elsewhere frees nothing here, and nobody expects it to be forgotten.
    if (Object.keys(options).length > 0) continue;
    if (!all && !Object.hasOwn(labels, ANONYMOUS_LABEL)) continue;
    if (parts.users(name).length > 0) continue;
    ctx.check();
    const bytes = await parts.sizes.of(ctx, name);
    try {
      await removeVolume(parts, ctx, { name, force: false });
    } catch (error) {
      parts.ctx.log.warn('Cannot prune a volume', { volume: name, error });
      continue;
    }
    removed.push(name);
    reclaimedBytes += bytes ?? 0;
  }
  parts.events.publish({
    type: 'volume',
    action: 'prune',
    actorId: '',
    attributes: { reclaimed: String(reclaimedBytes) },
  });
  return { removed, reclaimedBytes };
}
