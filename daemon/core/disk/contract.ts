import type { Ctx } from '../../../common/ctx.ts';
import type { Damage, PruneRequest, Pruned } from '../../../image/disk.ts';

export interface ContainerSize {
  /** Written by the container: files and symbolic links, as `stat` sums them, hard links once. Docker's `SizeRw`. */
  readonly rwBytes: number;
  /** With its image. Docker's `SizeRootFs`. */
  readonly rootFsBytes: number;
}

export interface SizedContainer<Container> {
  readonly container: Container;
  readonly size: ContainerSize;
}

/** The image store's disk account, together with what only the engine knows: which containers use what. */
export interface Storage<Container> {
  /** Of all containers. Walks what they wrote: slow, so only for who asks for it. */
  sizes(ctx: Ctx): Promise<readonly SizedContainer<Container>[]>;
  sizeOf(ctx: Ctx, container: Container): Promise<ContainerSize>;
  /** `Disk.check`; layers below a running container are not exchanged. */
  check(ctx: Ctx, options: { readonly repair: boolean }): Promise<readonly Damage[]>;
  /** `Disk.prune`; publishes the event `prune` besides. */
  pruneImages(ctx: Ctx, request: Omit<PruneRequest, 'isUsed'>): Promise<Pruned>;
  /** `Disk.reclaim` with the daemon's water marks. */
  reclaim(ctx: Ctx, options: { readonly dryRun: boolean }): Promise<Pruned>;
}
