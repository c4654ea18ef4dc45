import type { Ctx } from '../common/ctx.ts';
import type { Digest } from './digest.ts';
import type { RemovedImage } from './images.ts';
import type { ChainId, DiffId, ImageId } from './snapshots.ts';

/** What the disk is used for, from rows kept up to date; nothing is walked. */
export interface Usage {
  /** Bytes of all unpacked layers, each once, as `stat` sums them: docker's `LayersSize`. */
  readonly layersBytes: number;
  /** What layers occupy on the disk (512-byte blocks), which `du` says. */
  readonly layersDiskBytes: number;
  /** Compressed blobs, configurations, manifests. */
  readonly contentBytes: number;
  /** Kept of transfers that did not end. */
  readonly partialBytes: number;
  readonly images: readonly ImageUsage[];
}

export interface ImageUsage {
  readonly id: ImageId;
  /** Unpacked bytes of layers that another image has too, and of those that none has. */
  readonly sharedBytes: number;
  readonly uniqueBytes: number;
  readonly lastUsedAt: string;
  readonly pinned: boolean;
}

export interface LayerView {
  readonly blob: Digest | undefined;
  readonly mediaType: string | undefined;
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  readonly directory: string;
  readonly sizeBytes: number;
  readonly diskBytes: number;
  /** Images that share the directory. */
  readonly images: readonly ImageId[];
}

/** What the walk found beside what the rows say. */
export interface Verification {
  readonly expectedBytes: number;
  readonly actualBytes: number;
  /** Paths without a row. */
  readonly orphans: readonly string[];
  /** Rows without what they own. */
  readonly missing: readonly string[];
}

export interface Damage {
  readonly what: 'blob' | 'layer';
  readonly digest: string;
  readonly images: readonly ImageId[];
  readonly problem: string;
  /** Whether it was fetched or unpacked again. */
  readonly repaired: boolean;
}

export interface PruneRequest {
  /** Docker's: only images without a name, unless false. */
  readonly danglingOnly: boolean;
  /** Docker's `until`, as a time. */
  readonly createdBefore: Date | undefined;
  readonly labels: readonly string[];
  readonly notLabels: readonly string[];
  readonly dryRun: boolean;
  /** Images that containers have. */
  readonly used: ReadonlySet<ImageId>;
}

export interface Pruned {
  readonly removed: readonly RemovedImage[];
  readonly reclaimedBytes: number;
}

/** The disk account of the image store, and giving the disk back. */
export interface Disk {
  usage(): Usage;
  layers(reference: string): readonly LayerView[];
  /** Walks content and snapshots, and compares. */
  verify(ctx: Ctx): Promise<Verification>;
  /** Hashes blobs and walks layers; with `repair` it unpacks layers again from blobs, and fetches blobs again from where they came. */
  check(ctx: Ctx, options: { readonly repair: boolean }): Promise<readonly Damage[]>;
  prune(ctx: Ctx, request: PruneRequest): Promise<Pruned>;
  /** Removes least recently used images, unpinned and unused, until the disk is below the low mark. */
  reclaim(
    ctx: Ctx,
    options: { readonly dryRun: boolean; readonly used: ReadonlySet<ImageId> },
  ): Promise<Pruned>;
  pin(reference: string, pinned: boolean): void;
  /** A container was made from it: it counts as used now. */
  touch(id: ImageId): void;
}
