import type { Readable } from 'node:stream';
import type { Ctx } from '../common/ctx.ts';
import type { ChainId, DiffId, ImageId } from './snapshots.ts';

/** The `config` object of an image configuration, with docker's extensions; unset stays undefined. */
export interface ImageConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  readonly Shell?: readonly string[];
  readonly Healthcheck?: object;
  readonly ArgsEscaped?: boolean;
  readonly OnBuild?: readonly string[] | null;
}

/** One image of the store. Immutable: a change of names publishes a new object. */
export interface Image {
  readonly id: ImageId;
  /** Familiar names as docker prints them: `busybox:latest`, `localhost:5000/a/b:1`. */
  readonly tags: readonly string[];
  /** `busybox@sha256:...`. */
  readonly digests: readonly string[];
  readonly config: ImageConfig;
  readonly createdAt: string;
  readonly author: string;
  readonly architecture: string;
  readonly variant: string | undefined;
  readonly os: string;
  readonly diffIds: readonly DiffId[];
  /** Chain id of the topmost layer; undefined for an image without layers. */
  readonly topChain: ChainId | undefined;
  /** Bytes of all layers unpacked. */
  readonly sizeBytes: number;
  /** Bytes of each layer unpacked, in the order of `diffIds`. */
  readonly layerSizes?: readonly number[];
  readonly history: readonly {
    created?: string;
    created_by?: string;
    author?: string;
    comment?: string;
    empty_layer?: boolean;
  }[];
  /** The manifest in the content store, when the archive had one. */
  readonly descriptor: { mediaType: string; digest: string; size: number } | undefined;
  readonly lastTaggedAt: string | undefined;
}

export type RemovedImage = { readonly untagged: string } | { readonly deleted: string };

/**
 * The images of the daemon. Reads take no lock and touch no disk.
 * Docker's message texts are part of the contract, because clients match on them.
 */
export interface Images {
  /**
   * Reads a docker archive or an OCI layout, plain, gzip or zstd, and stores every image in it. `progress` gets what docker
   * streams: `Loaded image: busybox:latest\n`, or `Loaded image ID: sha256:...\n` for one without a name. The same image
   * twice is one. A damaged archive throws `invalid-argument` and leaves nothing.
   */
  load(ctx: Ctx, archive: Readable, progress: (text: string) => void): Promise<readonly Image[]>;
  /** All images, newest first. */
  list(): readonly Image[];
  /** By `name[:tag]`, `name@digest`, id with or without `sha256:`, or a unique id prefix; throws `not-found` `No such image: x:latest`. */
  get(reference: string): Image;
  /** Gives `source` a further name, taking it from another image if need be. Throws `invalid-argument` for a malformed `target`. */
  tag(ctx: Ctx, source: string, target: string): Promise<void>;
  /**
   * Docker's semantics: a name untags; the last name, or an id, deletes; an id with several names needs force.
   * `users(id)` lists the containers of an image; conflicts are docker's:
   * `conflict: unable to remove repository reference "x" (must force) - container 1234 is using its referenced image 5678`.
   */
  remove(
    ctx: Ctx,
    reference: string,
    options: { force: boolean; users: (id: ImageId) => readonly { id: string; running: boolean }[] },
  ): Promise<readonly RemovedImage[]>;
}
