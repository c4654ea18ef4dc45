import type { Tasks } from '../tasks/contract.ts';
import type { Namespaced } from '../../../image/namespaces/contract.ts';
import type { Labels } from '../../../image/namespaces/labels.ts';

/**
 * The engine as containerd's API sees it (daemon/api/containerd converts, and owns nothing). All of it is by namespace, the first parameter: names, labels and keys are a namespace's
 * own, what they stand for is shared in the store. Refusals carry containerd's texts. `moby` is docker's namespace: what the other
 * door has made shows there, and is changed through that door.
 */
export interface Containerd {
  readonly namespaces: Namespaces;
  readonly containers: ContainerRecords;
  readonly tasks: Tasks;
  /** Images, content, snapshots, diffs and leases. */
  readonly store: Namespaced;
}

/** A google.protobuf.Any as it came: whoever made it knows what is in it. OCI values are JSON under `types.containerd.io/...`. */
export interface Packed {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

export interface Namespaces {
  /** `moby` is always there. */
  list(): readonly { readonly name: string; readonly labels: Labels }[];
  /** Throws `already-exists`, `invalid-argument`. */
  create(name: string, labels: Labels): void;
  /** Of a namespace that nobody has made, none. */
  labelsOf(name: string): Labels;
  /** Replaces those labels that `change` names, drops those it gives '' for. Makes the namespace. */
  update(name: string, change: Labels): void;
  /** Throws `not-found`, and `conflict` while anything is in it: `namespace "x" must be empty, but it still has containers`. */
  delete(name: string): void;
}

/** What containerd calls a container: how to make a task. */
export interface ContainerRecord {
  readonly id: string;
  readonly labels: Labels;
  readonly image: string;
  readonly runtime: { readonly name: string; readonly options: Packed | undefined };
  /** The OCI spec. */
  readonly spec: Packed | undefined;
  readonly snapshotter: string;
  readonly snapshotKey: string;
  readonly sandbox: string;
  readonly extensions: Readonly<Record<string, Packed>>;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type NewContainerRecord = Omit<ContainerRecord, 'createdAt' | 'updatedAt'>;

export interface ContainerRecords {
  list(namespace: string): Promise<readonly ContainerRecord[]>;
  /** Throws `not-found`: `container "x" in namespace "y": not found`. */
  get(namespace: string, id: string): Promise<ContainerRecord>;
  /** Throws `already-exists`, `invalid-argument`; `conflict` in docker's namespace. */
  create(namespace: string, record: NewContainerRecord): ContainerRecord;
  /** `paths` is a field mask (`labels`, `labels.key`, `spec`, ...); empty: all that may change. */
  update(namespace: string, record: NewContainerRecord, paths: readonly string[]): ContainerRecord;
  /** Its task is the caller's affair. Throws `not-found`. */
  delete(namespace: string, id: string): void;
}
