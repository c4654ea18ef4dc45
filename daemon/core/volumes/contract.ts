import type { Ctx } from '../../../common/ctx.ts';

/** The label of a volume that got its name from us; `prune` removes these unless it is told otherwise. */
export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';
export const LOCAL_DRIVER = 'local';

/** A published snapshot of one volume. Immutable. */
export interface Volume {
  readonly name: string;
  /** `local`, or the name of a plugin. */
  readonly driver: string;
  /** Where the host has it; empty for a plugin's that is mounted nowhere. */
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What its driver was told. */
  readonly options: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly scope: 'local' | 'global';
  /** What its driver says of it. */
  readonly status?: Readonly<Record<string, unknown>> | undefined;
}

export interface VolumeRequest {
  /** Undefined or empty: 64 hexadecimal digits, and the label of an anonymous volume. */
  readonly name?: string | undefined;
  /** Undefined: that of the volume of this name if there is one, else `local`. */
  readonly driver?: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface VolumeUsage {
  readonly sizeBytes: number;
  /** Containers that refer to it, in whatever state. */
  readonly references: number;
}

export interface PruneVolumes {
  readonly wanted: (volume: Volume) => boolean;
  /** Named ones too. */
  readonly all: boolean;
}

/**
 * The engine's volumes. A volume is in use as long as a container refers to it, in whatever state. Reads take no lock; texts are
 * docker's.
 */
export interface Volumes {
  /** A volume of that name and driver is returned as it is. Throws `conflict` for another driver's, `invalid-argument`. */
  create(ctx: Ctx, request: VolumeRequest): Promise<Volume>;
  /** All, and those that plugins know besides, with a warning for each plugin that does not answer. */
  list(ctx: Ctx): Promise<{ readonly volumes: readonly Volume[]; readonly warnings: readonly string[] }>;
  /** Asks its driver. Throws `not-found` `get x: no such volume`. */
  get(ctx: Ctx, name: string): Promise<Volume>;
  /** Ids of the containers that refer to it. */
  users(name: string): readonly string[];
  /** Throws `not-found`, unless forced, and `conflict` `remove x: volume is in use - [id]`. */
  remove(ctx: Ctx, name: string, options: { readonly force: boolean }): Promise<void>;
  prune(
    ctx: Ctx,
    request: PruneVolumes,
  ): Promise<{ readonly removed: readonly string[]; readonly reclaimedBytes: number }>;
  /** What a local volume holds; -1 bytes for another driver's, and for one whose storage does not answer. */
  usage(ctx: Ctx, name: string): Promise<VolumeUsage>;
  /** A new local volume with what this one holds now. Throws `conflict` if that exists, and for a volume with mount options. */
  copy(ctx: Ctx, from: string, to: string): Promise<Volume>;
}

/** Where a container's volume is to be found while it runs. */
export interface MountedVolume {
  readonly source: string;
  /** The directory in which `source` is, if it is there only while its loop file is mounted on it (image/loop-file.ts). */
  readonly loop?: string | undefined;
  /** What has to be mounted at `source` first, in the container's own mount namespace. */
  readonly mount?: VolumeMount | undefined;
}

/** mount(2)'s arguments. */
export interface VolumeMount {
  readonly type: string;
  readonly device: string;
  /** MS_*. */
  readonly flags: number;
  readonly data: string;
}

/** Who keeps volumes. Every call may be repeated. */
export interface VolumeDriver {
  readonly scope: 'local' | 'global';
  /** Throws `invalid-argument` for a name or options that it does not take. Nothing is changed. */
  check(name: string, options: Readonly<Record<string, string>>): void;
  create(ctx: Ctx, name: string, options: Readonly<Record<string, string>>): Promise<void>;
  remove(ctx: Ctx, name: string): Promise<void>;
  /** Undefined: it has no such volume. */
  find(
    ctx: Ctx,
    name: string,
  ): Promise<
    | { readonly mountpoint: string; readonly status?: Readonly<Record<string, unknown>> | undefined }
    | undefined
  >;
  /** `id` is the container's: a plugin counts who has it mounted. */
  mount(ctx: Ctx, name: string, id: string): Promise<MountedVolume>;
  unmount(ctx: Ctx, name: string, id: string): Promise<void>;
}
