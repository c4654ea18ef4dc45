import type { DatabaseSync } from 'node:sqlite';
import type { Ctx } from '../common/ctx.ts';
import type { Catalog } from './catalog.ts';
import type { ContentStore } from './content.ts';
import type { NamespacedOwners } from './namespaces/owners.ts';
import type { Rebuilt, Recipes } from './rebuild/contract.ts';
import type { ChainId } from './snapshots.ts';
import type { Directories } from './snapshots/directories.ts';
import type { Layers } from './snapshots/layers.ts';
import type { Trash } from './snapshots/trash.ts';
import type { WritableSnapshots } from './snapshots/writable.ts';
import type { WorkerPool } from './workers/pool.ts';

export type ImageAction = 'load' | 'pull' | 'push' | 'import' | 'save' | 'tag' | 'untag' | 'delete';

/** After each change: `id` is the image's, or a name for `push`; `name` what docker puts into the event's `name` attribute. */
export type OnImageEvent = (action: ImageAction, id: string, name: string) => void;

/** What the use cases of the image store work with. */
export interface StoreParts {
  /** Of the store's life, for what goes on behind a caller's back. */
  readonly ctx: Ctx;
  readonly db: DatabaseSync;
  readonly dataRoot: string;
  readonly catalog: Catalog;
  readonly content: ContentStore;
  /** Of blobs that are not kept. */
  readonly recipes: Recipes;
  /** Reads blobs of both kinds. */
  readonly rebuilt: Rebuilt;
  readonly layers: Layers;
  readonly snapshots: WritableSnapshots;
  readonly directories: Directories;
  readonly trash: Trash;
  /** Runs what is limited by the processor and the disk. */
  readonly workers: WorkerPool;
  /** Runs what waits for a client, so that a slow one holds up nothing else. */
  readonly spoolers: WorkerPool;
  /** Runs what waits for a registry: as many layers are fetched at a time. */
  readonly downloads: WorkerPool;
  /** What names of containerd's API keep. */
  readonly owners: NamespacedOwners;
  /** Layers of images and of writable snapshots. */
  readonly live: () => ReadonlySet<ChainId>;
  /** Removes layers and blobs that nothing owns. */
  readonly collect: (ctx: Ctx) => Promise<void>;
  readonly onEvent: OnImageEvent;
}
