import type { DatabaseSync } from 'node:sqlite';
import type { Digest } from '../digest.ts';
import type { ChainId, DiffId } from '../snapshots.ts';
import type { StoredContent } from './content/content.ts';
import type { StoredIngest } from './content/ingests.ts';
import type { StoredImage } from './images.ts';
import type { Labels } from './labels.ts';
import type { StoredLease } from './leases.ts';
import { openRows, type Rows } from './rows.ts';
import type { StoredSnapshot } from './snapshots/stored.ts';

export interface NamespacedTables {
  /** Under the namespace ''. Whoever makes something makes its namespace. */
  readonly namespace: Rows<Labels>;
  /** What the store itself knows nothing of. */
  readonly containers: <T>() => Rows<T>;
  readonly image: Rows<StoredImage>;
  readonly content: Rows<StoredContent>;
  readonly ingest: Rows<StoredIngest>;
  readonly snapshot: Rows<StoredSnapshot>;
  readonly lease: Rows<StoredLease>;
}

/** What the store must keep because a namespace has a name for it: asked by whoever removes something. */
export interface NamespacedOwners {
  ownsBlob(digest: Digest): boolean;
  blobs(): readonly Digest[];
  /** The topmost layers that snapshots stand on. */
  chains(): readonly ChainId[];
  /** Numbers of writable directories. */
  directories(): readonly number[];
  /** Names of files of contents on their way in. */
  ingests(): readonly string[];
  /** Blobs that are layers, as their names say. */
  layers(): readonly { readonly blob: Digest; readonly diffId: DiffId }[];
  /** The topmost layers below snapshots that clients may have mounted: nobody knows where. */
  mountable(): readonly ChainId[];
}

const UNCOMPRESSED = 'containerd.io/uncompressed';

/** The name of no namespace. */
export const NO_NAMESPACE = '';

export function openNamespacedTables(db: DatabaseSync): NamespacedTables {
  const namespace = openRows<Labels>(db, 'namespace');
  const make = (name: string): void => {
    if (namespace.get(NO_NAMESPACE, name) === undefined) namespace.put(NO_NAMESPACE, name, {});
  };
  return {
    namespace,
    containers: () => openRows(db, 'container', make),
    image: openRows(db, 'image', make),
    content: openRows(db, 'content', make),
    ingest: openRows(db, 'ingest', make),
    snapshot: openRows(db, 'snapshot', make),
    lease: openRows(db, 'lease', make),
  };
}

export const ownersOf = ({ content, snapshot, ingest }: NamespacedTables): NamespacedOwners => ({
  ownsBlob: (digest) => content.isNamed(digest),
  blobs: () => [...new Set(content.all().map(({ name }) => name as Digest))],
  chains: () => snapshot.all().flatMap(({ value }) => value.chain ?? []),
  directories: () => snapshot.all().flatMap(({ value }) => value.directory ?? []),
  ingests: () => ingest.all().map(({ value }) => String(value.file)),
  layers: () =>
    content.all().map(({ name, value }) => ({
      blob: name as Digest,
      diffId: (value.labels[UNCOMPRESSED] ?? name) as DiffId,
    })),
  mountable: () =>
    snapshot.all().flatMap(({ namespace, value }) => {
      if (value.kind === 'committed') return [];
      let below: StoredSnapshot | undefined = value;
      while (below !== undefined && below.chain === undefined) below = snapshot.get(namespace, below.parent);
      return below?.chain ?? [];
    }),
});
