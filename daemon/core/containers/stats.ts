import type { Ctx } from '../../../common/ctx.ts';
import type { ContainerSample } from '../contract.ts';
import type { Core } from '../core.ts';
import { takeSample } from '../stats/sample.ts';

/** Docker's. */
export const STATS_INTERVAL_MS = 1000;

/** Containers.stats. */
export function stats(core: Core, ctx: Ctx, reference: string): AsyncIterable<ContainerSample | undefined> {
  const entry = core.table.find(reference);
  return core.stats.watch(ctx, {
    id: entry.id,
    take: async () => (core.table.byId(entry.id) === entry ? takeSample(core, entry) : 'end'),
  });
}

/** Containers.sample. */
export const sample = (core: Core, _ctx: Ctx, reference: string): Promise<ContainerSample | undefined> =>
  takeSample(core, core.table.find(reference));
