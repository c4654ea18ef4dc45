import type { Readable } from 'node:stream';
import type { Ctx } from '../common/ctx.ts';
import type { ImageConfig } from './images.ts';
import type { ImageId } from './snapshots.ts';

/** How a path differs from the image: docker's 0, 1, 2. */
export interface Change {
  /** Absolute in the container. */
  readonly path: string;
  readonly kind: 'modified' | 'added' | 'deleted';
}

export interface ImportRequest {
  /** A name for the image; undefined: none. */
  readonly reference: string | undefined;
  readonly message: string;
  /** Dockerfile instructions (`CMD [...]`, `ENV a=b`): docker's `-c`. */
  readonly changes: readonly string[];
  readonly platform: string | undefined;
}

export interface CommitRequest {
  /** Key of the container's writable snapshot, which must not change meanwhile. */
  readonly snapshot: string;
  /** The image that the container was made from. */
  readonly image: ImageId;
  readonly reference: string | undefined;
  /** The container's own, over the image's. */
  readonly config: ImageConfig;
  /** Dockerfile instructions applied to the configuration last. */
  readonly changes: readonly string[];
  readonly author: string;
  readonly comment: string;
  /** For the image's configuration: the container's id and command. */
  readonly containerId: string;
  readonly command: readonly string[];
}

/** Images and containers as tar archives. */
export interface Archives {
  /**
   * Images as docker 28 writes them: an OCI layout with `manifest.json` and `repositories` beside it. Each blob once. Throws
   * `not-found` before the first byte. A name that stands for a repository saves all its tags, as docker does.
   */
  save(
    ctx: Ctx,
    references: readonly string[],
    platform: string | undefined,
  ): Promise<AsyncIterable<Uint8Array>>;
  /** One layer from a tar of a root file system, plain or compressed. Publishes the event `import`. */
  importRoot(ctx: Ctx, archive: Readable, request: ImportRequest): Promise<ImageId>;
  /** A new image: the container's image and one layer with what the container changed. Publishes `commit` by the caller. */
  commit(ctx: Ctx, request: CommitRequest): Promise<ImageId>;
  /** What a writable snapshot has beyond its image; sorted by path. Directories above a change count as modified, as in docker. */
  changes(ctx: Ctx, snapshot: string): Promise<readonly Change[]>;
  /** The whole root of a writable snapshot as a tar. */
  exportRoot(ctx: Ctx, snapshot: string): Promise<AsyncIterable<Uint8Array>>;
}
