import type { IsUsed } from '../../../image/disk.ts';
import type { Container, ContainerState } from '../contract.ts';
import type { Core } from '../core.ts';
import { sizeOf } from './container-size.ts';
import type { Storage } from './contract.ts';

const MOUNTED: readonly ContainerState['kind'][] = ['starting', 'running', 'paused'];

export function makeStorage(core: Core): Storage<Container> {
  const { disk, table, events, config } = core;
  return {
    sizes: async (ctx) => {
      const containers = [];
      for (const { view } of table.all()) {
        containers.push({ container: view, size: await sizeOf(core, ctx, view) });
      }
      return containers;
    },
    sizeOf: (ctx, container) => sizeOf(core, ctx, container),
    check: (ctx, { repair }) =>
      disk.check(ctx, {
        repair,
        mounted: () => mountedSnapshots(core),
        onExchanged: () => refreshOverlays(core),
      }),
    pruneImages: async (ctx, request) => {
      const pruned = await disk.prune(ctx, { ...request, isUsed: isUsedIn(core) });
      if (!request.dryRun) {
        const attributes = { reclaimed: String(pruned.reclaimedBytes) };
        events.publish({ type: 'image', action: 'prune', actorId: '', attributes });
      }
      return pruned;
    },
    reclaim: (ctx, { dryRun }) =>
      disk.reclaim(ctx, { dryRun, isUsed: isUsedIn(core), marks: config.imageMarks }),
  };
}

const isUsedIn =
  ({ table }: Core): IsUsed =>
  (id) =>
    [...table.all()].some(
      ({ view }) =>
        view.imageId === id || view.mounts.some(({ type, source }) => type === 'image' && source === id),
    );

function mountedSnapshots({ table }: Core): ReadonlySet<string> {
  const mounted = [...table.all()].filter(({ view }) => MOUNTED.includes(view.state.kind));
  return new Set(mounted.map(({ id }) => id));
}

/** A container mounts what was published of it last. */
function refreshOverlays({ table, snapshots }: Core): void {
  for (const entry of table.all()) {
    if (entry.view.overlay.upper !== '') table.publish(entry, { overlay: snapshots.get(entry.id) });
  }
}
