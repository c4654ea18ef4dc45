import type { Ctx } from '../common/ctx.ts';
import type { Digest } from './digest.ts';
import type { RemovedImage } from './images.ts';
import type { Compacted } from './rebuild/contract.ts';
import type { ChainId, DiffId, ImageId } from './snapshots.ts';

export type { Compacted };

/** What the disk is used for, from rows kept up to date; nothing is walked. */
export interface Usage {
  /** Bytes of all unpacked layers, each once, as `stat` sums them: docker's `LayersSize`. */
  readonly layersBytes: number;
  /** What layers occupy on the disk (512-byte blocks), which `du` says. */
  readonly layersDiskBytes: number;
  /** Compressed blobs, recipes of those that were dropped, configurations, manifests: their lengths, and what they occupy on the disk. */
  readonly contentBytes: number;
  readonly contentDiskBytes: number;
  /** Kept of transfers that did not end. */
  readonly partialBytes: number;
  readonly images: readonly ImageUsage[];
}

export interface ImageUsage {
  readonly id: ImageId;
  /** Unpacked bytes of layers that another image has too, and of those that none has. */
  readonly sharedBytes: number;
  readonly uniqueBytes: number;
  /** When it was made, named, or a container was made from it, whichever came last; RFC 3339. */
  readonly lastUsedAt: string;
  /** `reclaim` leaves it alone. */
  readonly pinned: boolean;
}

export interface LayerView {
  /** Where the layer came from, and its length; undefined when the blob is neither kept nor can be made again. */
  readonly blob: Digest | undefined;
  readonly blobBytes: number | undefined;
  /** Of what makes the blob again; undefined when the blob itself is kept, or nothing of it. */
  readonly recipeBytes: number | undefined;
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  readonly directory: string;
  readonly sizeBytes: number;
  readonly diskBytes: number;
  /** Images that share the directory. */
  readonly images: readonly ImageId[];
}

/** Two images side by side, by their layers' chain ids. */
export interface ImageDiff {
  /** Lowest first: what both are built on. */
  readonly shared: readonly LayerView[];
  readonly onlyFirst: readonly LayerView[];
  readonly onlySecond: readonly LayerView[];
}

/** What of a path is another: its bytes or where it leads, and so on. */
export type PathAspect = 'type' | 'content' | 'mode' | 'owner' | 'time' | 'device' | 'attributes';

/** A path that two images do not show alike. */
export interface PathChange {
  /** Absolute. */
  readonly path: string;
  readonly kind: 'added' | 'changed' | 'deleted';
  /** Of what has changed. */
  readonly aspects: readonly PathAspect[];
}

/** What the walk found beside what the rows say: layers, blobs and partial blobs, in bytes on the disk as `du` counts. */
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
  /** Whether it was fetched or unpacked again; `problem` says why not. */
  readonly repaired: boolean;
}

export interface CheckRequest {
  readonly repair: boolean;
  /** Keys of writable snapshots that are mounted now: the layers below them are not exchanged. Asked at the last moment. */
  readonly mounted?: () => ReadonlySet<string>;
  /** Layers have other directories now: what `Snapshots.get` told before is stale. Called without a pause after the change. */
  readonly onExchanged?: () => void;
}

/** Whether a container has the image. Asked at the last moment, so that no container is created in between. */
export type IsUsed = (id: ImageId) => boolean;

/** Percents of the file system, as `df` counts what is used; 0: never. */
export interface WaterMarks {
  readonly highPercent: number;
  readonly lowPercent: number;
}

export interface PruneRequest {
  /** Docker's: only images without a name, unless false. */
  readonly danglingOnly: boolean;
  /** Docker's `until`, as a time. */
  readonly createdBefore: Date | undefined;
  /** `name` or `name=value`: an image is removed that has all of `labels`, and not all of `notLabels`. */
  readonly labels: readonly string[];
  readonly notLabels: readonly string[];
  /** Removes nothing, and answers as if it had. */
  readonly dryRun: boolean;
  readonly isUsed: IsUsed;
}

export interface Pruned {
  readonly removed: readonly RemovedImage[];
  /** What `layersDiskBytes` and `contentDiskBytes` drop by. */
  readonly reclaimedBytes: number;
}

/** The disk account of the image store, and giving the disk back. */
export interface Disk {
  usage(): Usage;
  /** Lowest first. Throws `not-found`. Touches no disk. */
  layers(reference: string): readonly LayerView[];
  /** Throws `not-found`. Touches no disk. */
  diff(first: string, second: string): ImageDiff;
  /**
   * Which paths the second image adds, changes and deletes, read from the layers on the disk: each directory before what is in it. What
   * a deleted directory held is not named. In pieces, no faster than they are taken. Throws `not-found` at once.
   */
  diffPaths(ctx: Ctx, first: string, second: string): AsyncIterable<readonly PathChange[]>;
  /** Walks content and snapshots, and compares. Wants a store in which nothing changes meanwhile: what does may be listed. */
  verify(ctx: Ctx): Promise<Verification>;
  /**
   * Hashes every blob, and compares every layer with its blob, which is unpacked a second time for that: names, types, modes, owners,
   * times, extended attributes and contents. A blob that was dropped is made again for that. A layer without a blob is only measured. `repair` fetches blobs again from where they
   * came, and exchanges damaged layers.
   */
  check(ctx: Ctx, request: CheckRequest): Promise<readonly Damage[]>;
  /** Docker's `image prune`. Publishes `untag` and `delete`. */
  prune(ctx: Ctx, request: PruneRequest): Promise<Pruned>;
  /** When the disk is above the high mark: removes least recently used images, unpinned and unused, until it is below the low one. */
  reclaim(
    ctx: Ctx,
    options: { readonly dryRun: boolean; readonly isUsed: IsUsed; readonly marks: WaterMarks },
  ): Promise<Pruned>;
  /**
   * Drops the compressed blobs of layers that can be made again of the unpacked layer, byte by byte, and says of the others why not.
   * Takes as long as compressing them.
   */
  compact(ctx: Ctx): Promise<readonly Compacted[]>;
  /** Throws `not-found`. */
  pin(reference: string, pinned: boolean): void;
  /** A container was made from it: it counts as used now. */
  touch(id: ImageId): void;
}
