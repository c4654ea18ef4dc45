import type { Ctx } from '../../../common/ctx.ts';
import type { Damage, PruneRequest, Pruned, Usage } from '../../../image/disk.ts';

export interface ContainerSize {
  /** Written by the container: files and symbolic links, as `stat` sums them, hard links once. Docker's `SizeRw`. */
  readonly rwBytes: number;
  /** With its image. Docker's `SizeRootFs`. */
  readonly rootFsBytes: number;
}

/** What docker's `system df` tells. There are no volumes and no build cache yet. */
export interface StorageUsage<Container> {
  readonly images: Usage;
  readonly containers: readonly { readonly container: Container; readonly size: ContainerSize }[];
}

/** The image store's disk account, together with what only the engine knows: which containers use what. */
export interface Storage<Container> {
  /** From the store's rows; only what containers wrote is walked. */
  usage(ctx: Ctx): Promise<StorageUsage<Container>>;
  sizeOf(ctx: Ctx, container: Container): Promise<ContainerSize>;
  /** `Disk.check`; layers below a running container are not exchanged. */
  check(ctx: Ctx, options: { readonly repair: boolean }): Promise<readonly Damage[]>;
  /** `Disk.prune`; publishes the event `prune` besides. */
  pruneImages(ctx: Ctx, request: Omit<PruneRequest, 'isUsed'>): Promise<Pruned>;
  /** `Disk.reclaim` with the daemon's water marks. */
  reclaim(ctx: Ctx, options: { readonly dryRun: boolean }): Promise<Pruned>;
}
