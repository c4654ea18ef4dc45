import type { Ctx } from '../common/ctx.ts';

/** sha256 of a layer and all below it (image-spec config.md, "Layer ChainID"): `sha256:<64 hex>`. */
export type ChainId = string & { readonly __brand: 'ChainId' };
/** Digest of a layer's uncompressed tar. */
export type DiffId = string & { readonly __brand: 'DiffId' };
/** Digest of an image's configuration. */
export type ImageId = string & { readonly __brand: 'ImageId' };

/** The directories of one overlay mount; nothing is mounted on the host (the launch plan mounts inside the container). */
export interface OverlayDirs {
  /** Read-only layers, topmost first, absolute. */
  readonly lower: readonly string[];
  readonly upper: string;
  readonly work: string;
  /** The directory in which upper and work are, if they are there only while its loop file is mounted on it (image/loop-file.ts). */
  readonly loop?: string | undefined;
}

/** Directories that are there for this process, which can read the upper one, until they are disposed. */
export interface OpenSnapshot extends AsyncDisposable {
  /** Topmost first. */
  readonly lower: readonly string[];
  readonly upper: string;
}

/**
 * Layers unpacked on disk, one directory per chain id shared by all images, and the writable snapshots on top of them.
 * What is on disk is owned by a row; what a crash left behind without one is collected at start.
 */
export interface Snapshots {
  /** Makes a writable snapshot on top of `top` (undefined: of nothing). Idempotent per key. Throws `not-found` for an unknown chain. */
  prepare(ctx: Ctx, key: string, top: ChainId | undefined): Promise<OverlayDirs>;
  /** The same of one that may only be written so much to. Throws `invalid-argument` with the reason where the host can't. */
  prepareSized(
    ctx: Ctx,
    key: string,
    wanted: { readonly top: ChainId | undefined; readonly sizeBytes: number },
  ): Promise<OverlayDirs>;
  /** The directories of a snapshot made earlier; throws `not-found`. Takes no lock, touches no disk. */
  get(key: string): OverlayDirs;
  /** The same for who looks into them. */
  open(ctx: Ctx, overlay: OverlayDirs): Promise<OpenSnapshot>;
  /**
   * Removes the writable snapshot; an unknown key is no error. Cheap: the directories are renamed away, and removed later. Layers
   * that no image and no other snapshot has any more go too.
   */
  remove(ctx: Ctx, key: string): Promise<void>;
  /** After a mount with `volatile`, before the next mount: overlayfs refuses an upper directory that may not be whole. */
  clearVolatile(key: string): Promise<void>;
  /** The keys of all writable snapshots: whoever made one and does not know it any more removes it. */
  keys(): readonly string[];
}
