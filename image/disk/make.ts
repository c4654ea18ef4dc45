import type { Disk, Usage } from '../disk.ts';
import { findImage } from '../find.ts';
import type { StoreParts } from '../parts.ts';
import type { Compactor } from '../rebuild/contract.ts';
import { check } from './check.ts';
import { diffPaths } from './diff-paths.ts';
import type { Origins } from './fetch-again.ts';
import { prune } from './prune.ts';
import { reclaim } from './reclaim.ts';
import { diffOf, layerViews, rememberedOwners, usageOf } from './usage.ts';
import { openImageUse } from './use.ts';
import { verify } from './verify.ts';

interface Helpers {
  /** Without them blobs can't be fetched again. */
  readonly origins: Origins | undefined;
  readonly compactor: Compactor;
}

export function makeDisk(parts: StoreParts, { origins, compactor }: Helpers): Disk {
  const use = openImageUse(parts);
  const owners = rememberedOwners(parts);
  const readUsage = (): Usage => usageOf(parts, use, owners());
  const viewsOf = (reference: string): ReturnType<typeof layerViews> =>
    layerViews(parts, findImage(parts.catalog, reference), owners());
  return {
    usage: readUsage,
    layers: viewsOf,
    diff: (first, second) => diffOf(viewsOf(first), viewsOf(second)),
    diffPaths: (ctx, first, second) => diffPaths(parts, ctx, { first, second }),
    verify: (ctx) => verify(parts, ctx, readUsage),
    check: async (ctx, request) => {
      const damage = await check(parts, ctx, { ...request, origins });
      // What was fetched again may go again.
      compactor.wake();
      return damage;
    },
    compact: (ctx) => compactor.run(ctx),
    prune: (ctx, request) => prune(parts, use, { ctx, request }),
    reclaim: (ctx, request) => reclaim(parts, use, { ctx, request }),
    pin: (reference, pinned) => use.pin(findImage(parts.catalog, reference).id, pinned),
    touch: (id) => use.touch(id),
  };
}
