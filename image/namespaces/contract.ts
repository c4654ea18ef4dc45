import type { Ctx } from '../../common/ctx.ts';
import type { Digest } from '../digest.ts';
import type { WholeBlob } from '../rebuild/contract.ts';
import type { Labels } from './labels.ts';
import type { Leases } from './leases.ts';

import type { Rows } from './rows.ts';
import type { Scope } from './scope.ts';

/**
 * What containerd's API names of the store, by namespace. The names, labels and keys are a namespace's own; blobs and unpacked layers are
 * the store's, and stay for as long as anybody has a name for them, docker's images included. Errors carry containerd's texts.
 */
export interface Namespaced {
  /** For what the store knows nothing of: namespaces by their names, under the namespace '', and containers. */
  readonly tables: { readonly namespace: Rows<Labels>; readonly containers: <T>() => Rows<T> };
  readonly images: NamedImages;
  readonly content: NamedContent;
  readonly ingests: Ingests;
  readonly snapshots: NamedSnapshots;
  readonly differ: Differ;
  readonly checkpoints: Checkpoints;
  readonly leases: Leases;
  /**
   * Forgets what nothing leads to, in every namespace, and then removes what nobody has a name for. Roots are images, leases, containers
   * and what a label makes one.
   */
  collect(): Promise<void>;
  /** The same, when no more deletions come for a while. */
  collectSoon(): void;
  /** Calls the listener for everything that is collected. */
  onCollected(listener: (collected: Collected) => void): void;
  /** What the containers of other parts hold: the roots that this one does not know. */
  onRoots(roots: () => Iterable<Node>): void;
  close(): Promise<void>;
}

/** One thing of a namespace, as references name it. A snapshot's name is its key. */
export interface Node {
  readonly kind: 'content' | 'snapshot' | 'image' | 'ingest';
  readonly namespace: string;
  readonly name: string;
}

export type Collected = Node;

// ---------------------------------------------------------------- images

export interface Target {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations: Labels;
}

export interface NamedImage {
  readonly name: string;
  readonly target: Target;
  readonly labels: Labels;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type NewImage = Omit<NamedImage, 'createdAt' | 'updatedAt'>;

export interface NamedImages {
  list(namespace: string): readonly NamedImage[];
  /** Throws `not-found`: `image "x": not found`. */
  get(namespace: string, name: string): NamedImage;
  /** Throws `already-exists`, `invalid-argument`. The target need not be there. */
  create(namespace: string, image: NewImage): NamedImage;
  /** `paths` is a field mask; empty: all. */
  update(namespace: string, image: NewImage, paths: readonly string[]): NamedImage;
  /** Forgets the name. What it led to is collected later. */
  delete(namespace: string, name: string): void;
}

// ---------------------------------------------------------------- content

export interface ContentInfo {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly labels: Labels;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface NamedContent {
  list(namespace: string): readonly ContentInfo[];
  /** Throws `not-found`: `content sha256:...: not found`. */
  info(namespace: string, digest: Digest): ContentInfo;
  /** Changes labels: all, or those of a field mask. */
  update(
    namespace: string,
    change: { digest: Digest; labels: Labels },
    paths: readonly string[],
  ): ContentInfo;
  delete(namespace: string, digest: Digest): void;
  /** The blob as a file. Throws `not-found`. */
  open(ctx: Ctx, namespace: string, digest: Digest): Promise<WholeBlob>;
  /**
   * Takes over a finished file, whose digest the caller knows; undefined: the store has it. One that is there gets the labels too.
   */
  adopt(
    ctx: Ctx,
    scope: Scope,
    named: { readonly file: string | undefined; readonly digest: Digest; readonly labels: Labels },
  ): Promise<void>;
}

export interface IngestStatus {
  readonly ref: string;
  readonly offset: number;
  /** 0: unknown. */
  readonly total: number;
  readonly expected: string;
  readonly startedAt: Date;
  readonly updatedAt: Date;
}

/** Contents on their way in: they outlive the client and the daemon, and are gone on with by their names. */
export interface Ingests {
  list(namespace: string): Promise<readonly IngestStatus[]>;
  /** Throws `not-found`. */
  status(namespace: string, ref: string): Promise<IngestStatus>;
  abort(namespace: string, ref: string): Promise<void>;
  /**
   * Begins, or goes on behind what is there. Throws `already-exists` when the namespace has the expected content, `unavailable` while
   * somebody else writes. Content that only others have is whole at once: only the commit is missing.
   */
  open(
    scope: Scope,
    ingest: { readonly ref: string; readonly total: number; readonly expected: string },
  ): Promise<Ingest>;
}

/** Disposed, it stays for the next. */
export interface Ingest extends AsyncDisposable {
  status(): IngestStatus;
  truncate(bytes: number): Promise<void>;
  write(data: Uint8Array): Promise<void>;
  /** Of what is there by now. Costs little while it is asked for after each write; else the file is read. */
  digestSoFar(): Promise<Digest>;
  /** `total` 0 and `expected` '' are not held against what is there. Throws `conflict` where they differ, `already-exists`. */
  commit(
    ctx: Ctx,
    wanted: { readonly total: number; readonly expected: string; readonly labels: Labels },
  ): Promise<Digest>;
}

// ---------------------------------------------------------------- snapshots

/** Of a mount; man 8 mount. */
export interface MountSpec {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface SnapshotInfo {
  readonly name: string;
  /** '': none. */
  readonly parent: string;
  readonly kind: 'active' | 'view' | 'committed';
  readonly labels: Labels;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface NewSnapshot {
  readonly key: string;
  readonly parent: string;
  readonly labels: Labels;
}

/**
 * containerd's snapshotter. A committed snapshot is an unpacked layer of the store, by its chain id, or a directory of its own. Layers
 * that images of docker have are there at once for who asks for them by label, as a remote snapshotter's are.
 */
export interface NamedSnapshots {
  list(namespace: string): readonly SnapshotInfo[];
  /** Throws `not-found`: `snapshot x does not exist: not found`, as all below. */
  stat(namespace: string, key: string): SnapshotInfo;
  update(namespace: string, change: { name: string; labels: Labels }, paths: readonly string[]): SnapshotInfo;
  /** Throws `already-exists`, also when the layer that the label `containerd.io/snapshot.ref` names is there already. */
  prepare(ctx: Ctx, scope: Scope, snapshot: NewSnapshot): Promise<readonly MountSpec[]>;
  view(ctx: Ctx, scope: Scope, snapshot: NewSnapshot): Promise<readonly MountSpec[]>;
  mounts(namespace: string, key: string): readonly MountSpec[];
  commit(
    ctx: Ctx,
    scope: Scope,
    snapshot: { readonly key: string; readonly name: string; readonly labels: Labels },
  ): Promise<void>;
  /** Throws `conflict` for one that others are on top of. */
  remove(ctx: Ctx, namespace: string, key: string): Promise<void>;
  usage(
    ctx: Ctx,
    namespace: string,
    key: string,
  ): Promise<{ readonly bytes: number; readonly inodes: number }>;
}

// ---------------------------------------------------------------- diffs

export interface Differ {
  /** Unpacks a layer into the active snapshot that these are the mounts of. Returns the tar's digest and length. */
  apply(
    ctx: Ctx,
    namespace: string,
    diff: { readonly digest: Digest; readonly mounts: readonly MountSpec[] },
  ): Promise<{ readonly diffId: string; readonly sizeBytes: number }>;
  /** Makes a layer of what `right` has beyond `left`, as content of the namespace. */
  diff(
    ctx: Ctx,
    scope: Scope,
    diff: {
      readonly left: readonly MountSpec[];
      readonly right: readonly MountSpec[];
      readonly mediaType: string;
      readonly labels: Labels;
    },
  ): Promise<Target>;
}

// ---------------------------------------------------------------- checkpoints

/** What a runtime wrote of a container's processes, as content. */
export interface Checkpoints {
  /** Makes a plain tar of the directory, which stays, and a blob of the container's specification. Nothing but the lease holds them. */
  save(
    ctx: Ctx,
    scope: Scope,
    checkpoint: { readonly directory: string; readonly config: Uint8Array },
  ): Promise<readonly Target[]>;
  /**
   * Unpacks the tar into `target`, which must not exist, and whose parent nobody else may look into: an archive can name owners and
   * modes. Throws `not-found`; `invalid-argument` for a damaged archive, and for one with anything but files in its root, since CRIU
   * follows links, and `parent` leads it to the images of somebody else. A failure leaves nothing there.
   */
  unpack(
    ctx: Ctx,
    namespace: string,
    checkpoint: { readonly digest: Digest; readonly target: string },
  ): Promise<void>;
}
