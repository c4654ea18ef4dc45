import type { Ctx } from '../../common/ctx.ts';
import type { BlobSize } from '../content.ts';
import type { Digest } from '../digest.ts';

/**
 * Blobs of layers that are not kept, because the unpacked layer and a recipe make them again byte by byte (tar-split's idea). A recipe
 * is a file with the bytes of the tar that are no file's contents, and the places in the unpacked layer where the contents are; the
 * row beside it says how the tar is compressed. What is made again is used only when its digest is right.
 */

/**
 * How a tar becomes the blob again. `node` is the zlib in Node, `classic` the algorithm of zlib up to 1.2, which most programs have:
 * they find other matches. A gzip member's header is kept as it is.
 */
export type Recompression =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'gzip';
      readonly encoder: 'node' | 'classic';
      readonly level: number;
      readonly memLevel: number;
      /** Hexadecimal. */
      readonly header: string;
    }
  | {
      readonly kind: 'zstd';
      readonly level: number;
      readonly checksum: boolean;
      /** What the frame's header says of the tar's length. */
      readonly sizeBytes: number | undefined;
    };

export interface Recipe {
  /** Of the blob. */
  readonly digest: Digest;
  readonly recompression: Recompression;
  /** Length of the blob. */
  readonly blobBytes: number;
}

/** The files `content/recipes/<hex>` and their rows. No file is without a row but after a crash, and then it is removed at the next start. */
export interface Recipes {
  get(digest: Digest): Recipe | undefined;
  path(digest: Digest): string;
  /** What the recipe itself occupies; undefined where there is none. */
  size(digest: Digest): BlobSize | undefined;
  total(): BlobSize;
  list(): Digest[];
  /** Moves the file to its place and inserts the row; both are on the disk when this returns. */
  put(file: string, recipe: Recipe): Promise<void>;
  /** The row, then the file. Returns the bytes on the disk; no recipe is no error. */
  remove(digest: Digest): Promise<number>;
  /** Why a blob stays, as far as it was tried. */
  kept(digest: Digest): string | undefined;
  keep(digest: Digest, reason: string): void;
}

/** A blob as a file, for as long as it is not disposed. */
export interface WholeBlob extends AsyncDisposable {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Reads blobs, whether they are kept or made again. */
export interface Rebuilt {
  /** Whether `open` has something to make it from, when it is not kept. Touches no disk. */
  can(digest: Digest): boolean;
  /** Length; undefined for what is neither kept nor can be made. Touches no disk. */
  sizeBytes(digest: Digest): number | undefined;
  /**
   * The caller holds the blob. Throws `unavailable` for one that is neither kept nor has a recipe, `internal` with the layer's directory
   * when the unpacked layer has changed.
   */
  open(ctx: Ctx, digest: Digest): Promise<WholeBlob>;
  /** Until disposed, what the dropped ones among these are made from stays, and is known also when their images are removed. */
  hold(digests: readonly Digest[]): Disposable;
  /** Makes the blob and throws it away: undefined when its digest is right, else what is wrong. */
  problem(ctx: Ctx, digest: Digest): Promise<string | undefined>;
}

/** What became of one blob. `busy`: somebody reads it, so it stays for now. */
export type Compacted = {
  readonly digest: Digest;
  /** Length of the blob. */
  readonly blobBytes: number;
} & (
  | { readonly kind: 'dropped'; readonly recipeBytes: number }
  | { readonly kind: 'kept'; readonly reason: string }
  | { readonly kind: 'busy' }
);

/** Drops blobs that can be made again, one after the other. */
export interface Compactor {
  /** Images came: does behind everybody's back what the daemon's option asks for. */
  wake(): void;
  /** All blobs of layers, whatever the option says, those too that could not be made again before. */
  run(ctx: Ctx): Promise<readonly Compacted[]>;
  /** Ends what goes on. */
  close(): Promise<void>;
}
