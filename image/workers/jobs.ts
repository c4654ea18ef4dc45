import type { Code } from '../../common/errors.ts';
import type { Change } from '../archives.ts';
import type { CopyJob, PathStatus } from '../copy/contract.ts';
import type { TreePair } from '../layers/compare.ts';
import type { TreeMeasure } from '../layers/measure.ts';
import type { Settlement } from '../layers/settle.ts';
import type { Recompression } from '../rebuild/contract.ts';
import type { RootPair } from '../roots/compare.ts';
import type { RegistryEndpoint, Credentials, Descriptor } from '../registry/contract.ts';
import type { UnpackLimits } from './limits.ts';

/** Unpacks a layer's blob into `target`, which must not exist. A failure leaves nothing there. */
export interface UnpackJob {
  readonly kind: 'unpack';
  readonly blob: string;
  readonly target: string;
  /** What the uncompressed tar must hash to. */
  readonly diffId: string;
  /** Files in its root are all that it may have: no directories, no links. */
  readonly flat?: boolean;
}

export interface UnpackedLayer {
  /** Bytes of all files. */
  readonly sizeBytes: number;
  /** Occupied on the disk as `du` counts: 512-byte blocks, directories too, hard links once. */
  readonly diskBytes: number;
  /** Names below the root. */
  readonly entryCount: number;
  /** The layer hides all layers below. */
  readonly opaqueRoot: boolean;
  /** Of the layer's root directory. */
  readonly root: RootAttributes;
  /** Directories that the layer implies and does not list; byte strings relative to the root. They look as those below: SettleJob. */
  readonly implied: readonly string[];
  /** The layer does not list its root: it looks as the root of the layer below. */
  readonly impliesRoot: boolean;
}

export interface RootAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Gives the directories that an unpacked layer only implies the attributes that they have in the layers below. Idempotent. */
export interface SettleJob extends Settlement {
  readonly kind: 'settle';
}

/** Walks a tree and sums up what it takes. */
export interface MeasureJob {
  readonly kind: 'measure';
  readonly path: string;
}

/** Holds two trees against one another. */
export interface CompareJob extends TreePair {
  readonly kind: 'compare';
}

/** Hashes a file. */
export interface DigestJob {
  readonly kind: 'digest';
  readonly path: string;
}

/** Hashes what a file is when it is inflated. */
export interface DiffIdJob {
  readonly kind: 'diff-id';
  readonly path: string;
}

export interface InflatedDigest {
  /** `sha256:<hex>` */
  readonly diffId: string;
  readonly sizeBytes: number;
}

/** A repository, in words that go to a thread. */
export interface RemoteRepository {
  /** Complete: `docker.io/library/busybox`. */
  readonly name: string;
  readonly endpoints: readonly RegistryEndpoint[];
  readonly credentials: Credentials | undefined;
  /** Of a request, and of a blob between two bytes; undefined: the client's default. */
  readonly attempts?: number | undefined;
}

/**
 * Fetches a blob into `file`, behind the bytes that are there, verifies it, and on the way unpacks it as a layer. Without `from` the
 * file is whole. What is there after a failure is kept, unless it is wrong.
 */
export interface FetchJob {
  readonly kind: 'fetch';
  readonly file: string;
  readonly blob: Descriptor;
  readonly from: RemoteRepository | undefined;
  readonly layer: { readonly target: string; readonly diffId: string } | undefined;
}

/** What a FetchJob reports on its way, `started` being the pool's word. Bytes are of the blob, those that were there included. */
export type FetchProgress =
  | { readonly kind: 'started' }
  | { readonly kind: 'fetching'; readonly bytes: number }
  | { readonly kind: 'verifying' }
  | { readonly kind: 'fetched' };

export interface FetchedBlob {
  readonly unpacked: UnpackedLayer | undefined;
}

/** Splits an archive, that comes as the job's input, into one file for each member, in `directory`. */
export interface SpoolJob {
  readonly kind: 'spool';
  readonly directory: string;
}

/** A member of an archive. Names are cleaned, relative to the archive's root. */
export type SpooledMember =
  | { readonly kind: 'file'; readonly path: string; readonly digest: string; readonly sizeBytes: number }
  | { readonly kind: 'link'; readonly target: string };

export interface SpooledArchive {
  readonly members: ReadonlyMap<string, SpooledMember>;
}

/** How a directory is held to a size: by a project of its file system (image/quota.ts), or by a file system in a file (image/loop-file.ts). */
export type Limit = 'project' | 'loop';

/** Limits how much a directory may hold. Throws `invalid-argument` with the reason where the host can't. */
export interface LimitJob {
  readonly kind: 'limit';
  /** Empty but for `below`, empty directories themselves. */
  readonly directory: string;
  readonly below: readonly string[];
  readonly sizeBytes: number;
}

/** Mounts a directory's loop file nowhere (image/loop-file.ts): the process's descriptor of its root, which is the caller's to close. */
export interface MountLoopJob {
  readonly kind: 'mount-loop';
  readonly directory: string;
}

/** Removes the directory entry `name` of `directory` and all below it, and its limit. */
export interface RemoveJob {
  readonly kind: 'remove';
  readonly directory: string;
  readonly name: string;
}

/** Waits until all that was written to the file system of `path` is on the disk. */
export interface SyncJob {
  readonly kind: 'sync';
  readonly path: string;
}

/** Writes a layer's blob in gzip to `file`, which must not exist; the caller removes it after a failure. */
export interface PackJob {
  readonly kind: 'pack';
  readonly file: string;
  /** An overlay's upper directory and the layers below it, topmost first; two stacks of layers; undefined: the job's input, a tar, compressed or not. */
  readonly from: { readonly upper: string; readonly lowers: readonly string[] } | RootPair | undefined;
  /** As a tar that is not compressed. */
  readonly plain?: boolean;
}

export interface LayerBlob {
  /** `sha256:<hex>` of the uncompressed tar. */
  readonly diffId: string;
  /** `sha256:<hex>` of the file. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Compares an overlay's upper directory with the layers below it, topmost first. */
export interface ChangesJob {
  readonly kind: 'changes';
  readonly upper: string;
  readonly lowers: readonly string[];
}

/** Sends what the layers, topmost first, show together as a tar: the job's output. */
export interface ExportJob {
  readonly kind: 'export';
  readonly layers: readonly string[];
}

/** Sends, as lines of JSON, what differs between what two stacks of layers show: each a PathChange, the job's output. */
export interface ComparePathsJob extends RootPair {
  readonly kind: 'compare-paths';
}

/**
 * Finds out whether a layer's blob can be made again of the unpacked layer in `directory`, which nobody changes meanwhile, and writes
 * to `file`, which must not exist, the recipe for that.
 */
export interface RecordJob {
  readonly kind: 'record';
  readonly blob: string;
  readonly digest: string;
  readonly diffId: string;
  readonly directory: string;
  readonly file: string;
  /** A blob that takes longer is kept. */
  readonly limitMs: number;
}

export type Recorded =
  | {
      readonly kind: 'recorded';
      readonly recompression: Recompression;
      readonly blobBytes: number;
      readonly recipeBytes: number;
    }
  | { readonly kind: 'kept'; readonly reason: string };

/** Makes a blob of a recipe and an unpacked layer; `file` must not exist, undefined only hashes. */
export interface RebuildJob {
  readonly kind: 'rebuild';
  readonly recipe: string;
  readonly directory: string;
  readonly recompression: Recompression;
  readonly file: string | undefined;
}

export interface RebuiltBlob {
  /** `sha256:<hex>` of what was made. */
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface JobResults {
  readonly unpack: UnpackedLayer;
  readonly settle: RootAttributes;
  readonly measure: TreeMeasure;
  /** The first difference. */
  readonly compare: string | undefined;
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly 'diff-id': InflatedDigest;
  readonly fetch: FetchedBlob;
  readonly spool: SpooledArchive;
  readonly pack: LayerBlob;
  readonly changes: readonly Change[];
  readonly export: true;
  readonly 'compare-paths': true;
  readonly record: Recorded;
  readonly rebuild: RebuiltBlob;
  readonly 'copy-status': PathStatus;
  readonly 'copy-out': true;
  readonly 'copy-in': true;
  readonly limit: Limit;
  readonly 'mount-loop': number;
  readonly remove: true;
  readonly sync: true;
}

export type Job =
  | UnpackJob
  | SettleJob
  | MeasureJob
  | CompareJob
  | DigestJob
  | DiffIdJob
  | FetchJob
  | SpoolJob
  | PackJob
  | ChangesJob
  | ExportJob
  | ComparePathsJob
  | RecordJob
  | RebuildJob
  | CopyJob
  | LimitJob
  | MountLoopJob
  | RemoveJob
  | SyncJob;

/** What a worker starts with. */
export interface WorkerData {
  /** See native/ffi/beat.ts. */
  readonly beat: Int32Array<SharedArrayBuffer>;
  readonly limits: UnpackLimits;
}

/** What the daemon sends to a worker: a job, then the chunks of its input, and `taken` for each chunk of its output. */
export type ToWorker =
  | { readonly type: 'job'; readonly job: Job }
  | { readonly type: 'chunk'; readonly data: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'taken' }
  | { readonly type: 'cancel' };

/** What a worker sends: `taken` for each chunk that it has dealt with, what a fetch reports, the chunks of a job's output, and one result a job. */
export type FromWorker =
  | { readonly type: 'taken' }
  | { readonly type: 'progress'; readonly progress: FetchProgress }
  | { readonly type: 'chunk'; readonly data: Uint8Array }
  | { readonly type: 'done'; readonly result: JobResults[Job['kind']] }
  | { readonly type: 'failed'; readonly code: Code; readonly message: string };
