import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { availableParallelism } from 'node:os';
import { makeCtx, type Ctx } from '../common/ctx.ts';
import type { Log } from '../common/log.ts';
import { openCatalog, type Catalog } from './catalog.ts';
import { openContent, type ContentStore } from './content.ts';
import type { Digest } from './digest.ts';
import { findImage, parseTarget } from './find.ts';
import type { Images, RemovedImage } from './images.ts';
import { loadArchive, type LoadParts } from './load.ts';
import { familiar } from './reference.ts';
import { planRemoval } from './remove.ts';
import { createTables } from './schema.ts';
import type { ChainId, Snapshots } from './snapshots.ts';
import { openDirectories, type Directories } from './snapshots/directories.ts';
import { openLayers, type Layer, type Layers } from './snapshots/layers.ts';
import { openTrash, type Trash } from './snapshots/trash.ts';
import { openWritable, type WritableSnapshots } from './snapshots/writable.ts';
import { workerPool } from './workers/pool.ts';

/** Archives that are received at a time; a further one waits. */
const MAX_SPOOLERS = 8;

export interface ImageStoreOptions {
  /** Gets `content/` and `snapshots/`; exists. */
  readonly dataRoot: string;
  /** Gets tables `image_*` and `snapshot_*`; stays open until after `close`. */
  readonly db: DatabaseSync;
  readonly log: Log;
  /** After each change: `id` is the image's, `name` what docker puts into the event's `name` attribute. */
  readonly onEvent?: (action: ImageAction, id: string, name: string) => void;
}

export type ImageAction = 'load' | 'tag' | 'untag' | 'delete';

export interface ImageStore {
  readonly images: Images;
  readonly snapshots: Snapshots;
  /** Waits for removals under way and ends the workers. */
  close(): Promise<void>;
}

/** Opens the images of a data root, and collects what a crash left there without a row. One daemon a data root at a time. */
export async function openImageStore(options: ImageStoreOptions): Promise<ImageStore> {
  const { dataRoot, db, log } = options;
  createTables(db);
  const ctx = makeCtx(log);
  const workers = workerPool(Math.max(2, availableParallelism()));
  const spoolers = workerPool(MAX_SPOOLERS);
  const directories = await openDirectories(join(dataRoot, 'snapshots'));
  const trash = openTrash(directories, { ctx, log, pool: workers });
  await trash.empty();
  const layers = openLayers({ db, directories, trash, pool: workers });
  const content = await openContent(join(dataRoot, 'content'));
  const catalog = openCatalog(db, layers);
  const released = async (): Promise<void> => {
    await layers.discard(layers.forget(live()));
  };
  const snapshots = openWritable({ db, directories, layers, trash, released });
  const live = (): ReadonlySet<ChainId> => liveChains({ catalog, layers, snapshots });
  const parts: Parts = { catalog, content, layers, snapshots, directories, trash, live };
  await collectAtStart(parts, log);
  const onEvent = options.onEvent ?? ((): void => {});
  const collect = (): Promise<void> => collectUnowned(parts);
  const load = { ...parts, snapshotsRoot: directories.root, spoolers, workers, onEvent, collect };
  return {
    images: makeImages(parts, load, onEvent),
    snapshots,
    close: async () => {
      await trash.close();
      await Promise.all([workers.close(), spoolers.close()]);
    },
  };
}

interface Parts {
  readonly catalog: Catalog;
  readonly content: ContentStore;
  readonly layers: Layers;
  readonly snapshots: WritableSnapshots;
  readonly directories: Directories;
  readonly trash: Trash;
  /** Layers of images and of writable snapshots. */
  readonly live: () => ReadonlySet<ChainId>;
}

function makeImages(
  parts: Parts,
  load: LoadParts,
  onEvent: NonNullable<ImageStoreOptions['onEvent']>,
): Images {
  const { catalog } = parts;
  return {
    load: (ctx, archive, progress) => loadArchive(load, { ctx, archive, progress }),
    list: () => catalog.list(),
    get: (reference) => findImage(catalog, reference),
    tag: async (_ctx: Ctx, source, target) => {
      const name = parseTarget(target);
      const { id } = findImage(catalog, source);
      catalog.name(id, name);
      onEvent('tag', id, familiar(name));
    },
    remove: async (_ctx, reference, { force, users }) => {
      const { image, untag, deleteImage } = planRemoval(catalog, { reference, force, users });
      catalog.unname(untag);
      for (const _ of untag) onEvent('untag', image.id, image.id);
      const untagged: RemovedImage[] = untag.map((name) => ({ untagged: familiar(name) }));
      if (!deleteImage) return untagged;
      const blobs = catalog.blobs(image.id);
      catalog.remove(image.id);
      const gone = parts.layers.forget(parts.live());
      onEvent('delete', image.id, image.id);
      await discard(parts, gone, blobs);
      return [...untagged, { deleted: image.id }, ...gone.map(({ chain }) => ({ deleted: chain }))];
    },
  };
}

/** Rows are gone already: a crash from here on leaves work for the next start. */
async function discard(parts: Parts, gone: readonly Layer[], blobs: readonly Digest[]): Promise<void> {
  await parts.layers.discard(gone);
  await parts.content.discard(blobs, (digest) => parts.catalog.liveBlobs().has(digest));
}

function liveChains({
  catalog,
  layers,
  snapshots,
}: Pick<Parts, 'catalog' | 'layers' | 'snapshots'>): ReadonlySet<ChainId> {
  const tops = [...snapshots.all()].flatMap(({ top }) => (top === undefined ? [] : [top]));
  const images = catalog.liveChains();
  const orphans = tops.filter((top) => !images.has(top));
  if (orphans.length === 0) return images;
  return new Set([...images, ...orphans.flatMap((top) => layers.stack(top).map(({ chain }) => chain))]);
}

async function collectUnowned(parts: Parts): Promise<void> {
  await discard(parts, parts.layers.forget(parts.live()), await parts.content.list());
}

/** What a crash left: rows that nothing refers to, then directories and blobs that no row owns. */
async function collectAtStart(parts: Parts, log: Log): Promise<void> {
  const { directories, layers, snapshots, trash } = parts;
  await collectUnowned(parts);
  const owned = new Set([...layers.all()].map(({ directory }) => directory));
  const onDisk = new Set(await directories.layers());
  for (const number of onDisk.difference(owned)) await trash.put(directories.layer(number));
  const missing = owned.difference(onDisk);
  if (missing.size > 0) log.error('Layers are missing on the disk', { directories: [...missing] });
  const written = new Set([...snapshots.all()].map(({ directory }) => directory));
  const writables = new Set(await directories.writables());
  for (const number of writables.difference(written)) await trash.put(directories.writable(number));
}
