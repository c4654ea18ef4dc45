import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { availableParallelism } from 'node:os';
import { makeCtx, type Ctx } from '../common/ctx.ts';
import { setPatience } from '../common/patient-fs.ts';
import type { Log } from '../common/log.ts';
import { makeDisk } from './disk/make.ts';
import { deleteImage, discard, untagImage } from './delete.ts';
import type { Disk } from './disk.ts';
import type { Archives } from './archives.ts';
import { openCatalog } from './catalog.ts';
import { openContent } from './content.ts';
import { findImage, parseTarget } from './find.ts';
import type { Images } from './images.ts';
import { loadArchive } from './load.ts';
import type { OnImageEvent, StoreParts } from './parts.ts';
import { familiar } from './reference.ts';
import { planRemoval } from './remove.ts';
import { openLoops, type Loops } from './loops.ts';
import { makeArchives } from './roots/make.ts';
import { openCompactor } from './rebuild/compactor.ts';
import { openRebuilt } from './rebuild/rebuilt.ts';
import { openRecipes } from './rebuild/recipes.ts';
import type { Namespaced } from './namespaces/contract.ts';
import { openNamespaced } from './namespaces/open.ts';
import { openNamespacedTables, ownersOf } from './namespaces/owners.ts';
import { createTables } from './schema.ts';
import type { ChainId, Snapshots } from './snapshots.ts';
import { openDirectories } from './snapshots/directories.ts';
import { openLayers } from './snapshots/layers.ts';
import { openTrash } from './snapshots/trash.ts';
import { openWritable } from './snapshots/writable.ts';
import { makeTransfers, type TransferOptions } from './transfer/make.ts';
import type { Transfers } from './transfers.ts';
import type { UnpackLimits } from './workers/limits.ts';
import { workerPool } from './workers/pool.ts';

/** Archives that are received at a time; a further one waits. */
const MAX_SPOOLERS = 8;
/** Loop files that are mounted at a time: a start waits for one, so for nothing else. */
const MAX_MOUNTING = 2;
/** Layers that are fetched at a time, of all pulls; docker's default. */
const MAX_DOWNLOADS = 3;

export interface ImageStoreOptions {
  /** Gets `content/` and `snapshots/`; exists. */
  readonly dataRoot: string;
  /** Gets tables `image_*` and `snapshot_*`; stays open until after `close`. */
  readonly db: DatabaseSync;
  readonly log: Log;
  readonly onEvent?: OnImageEvent;
  /** Drops the blobs of layers that can be made again, whenever images come. */
  readonly dropBlobs?: boolean;
  /** How registries are reached. */
  readonly transfers?: TransferOptions;
  /** How long one call to storage may take before it counts as hung; two minutes unless told. */
  readonly storagePatienceMs?: number;
  readonly unpackLimits?: UnpackLimits;
}

export interface ImageStore {
  readonly images: Images;
  readonly transfers: Transfers;
  readonly archives: Archives;
  readonly disk: Disk;
  readonly snapshots: Snapshots;
  readonly loops: Loops;
  /** For containerd's API. */
  readonly namespaced: Namespaced;
  /** Waits for removals under way and ends the workers. */
  close(): Promise<void>;
}

/** Opens the images of a data root, and collects what a crash left there without a row. One daemon a data root at a time. */
export async function openImageStore(options: ImageStoreOptions): Promise<ImageStore> {
  const { dataRoot, db, log, storagePatienceMs: patienceMs, unpackLimits: limits } = options;
  const how = { patienceMs, limits };
  if (patienceMs !== undefined) setPatience(patienceMs);
  createTables(db);
  const ctx = makeCtx(log);
  const workers = workerPool(Math.max(2, availableParallelism()), how);
  const spoolers = workerPool(MAX_SPOOLERS, how);
  const downloads = workerPool(options.transfers?.maxDownloads ?? (() => MAX_DOWNLOADS), how);
  const mounting = workerPool(MAX_MOUNTING, how);
  const loops = openLoops(mounting);
  const directories = await openDirectories(join(dataRoot, 'snapshots'));
  const trash = openTrash(directories, { ctx, log, pool: workers });
  await trash.empty();
  const layers = openLayers({ db, directories, trash, pool: workers });
  const content = await openContent(join(dataRoot, 'content'));
  const recipes = await openRecipes(join(content.root, 'recipes'), db);
  const catalog = openCatalog(db, layers, () => compactor.wake());
  const rebuilt = openRebuilt({ catalog, content, layers, directories, workers, recipes });
  const released = async (): Promise<void> => {
    await layers.discard(layers.forget(live()));
  };
  const snapshots = openWritable({ db, directories, layers, trash, pool: workers, loops, released });
  const tables = openNamespacedTables(db);
  const owners = ownersOf(tables);
  const live = (): ReadonlySet<ChainId> => liveChains({ catalog, layers, snapshots, owners });
  const collect = (asker: Ctx): Promise<void> => collectUnowned(parts, asker);
  const stores = {
    db,
    dataRoot,
    owners,
    catalog,
    content,
    recipes,
    rebuilt,
    layers,
    snapshots,
    directories,
    trash,
  };
  const onEvent = options.onEvent ?? ((): void => {});
  const parts: StoreParts = { ctx, ...stores, workers, spoolers, downloads, live, collect, onEvent };
  const compacting = workerPool(1, how);
  const compactor = openCompactor(parts, { always: options.dropBlobs ?? false, pool: compacting });
  await collectAtStart(parts, log);
  const namespaced = await openNamespaced(parts, tables);
  compactor.wake();
  return {
    images: makeImages(parts),
    transfers: makeTransfers(parts, options.transfers),
    archives: makeArchives(parts),
    disk: makeDisk(parts, { origins: options.transfers, compactor }),
    snapshots,
    loops,
    namespaced,
    close: async () => {
      await namespaced.close();
      await compactor.close();
      await trash.close();
      await Promise.all([workers, spoolers, downloads, compacting, mounting].map((pool) => pool.close()));
    },
  };
}

function makeImages(parts: StoreParts): Images {
  const { catalog, onEvent } = parts;
  return {
    load: (ctx, archive, progress) => loadArchive(parts, { ctx, archive, progress }),
    list: () => catalog.list(),
    get: (reference) => findImage(catalog, reference),
    tag: async (_ctx: Ctx, source, target) => {
      const name = parseTarget(target);
      const { id } = findImage(catalog, source);
      catalog.name(id, name);
      onEvent('tag', id, familiar(name));
    },
    remove: async (ctx, reference, { force, users }) => {
      const { image, untag, deleteImage: whole } = planRemoval(catalog, { reference, force, users });
      if (!whole) return untagImage(parts, image, untag);
      return (await deleteImage(parts, ctx, { image, names: untag })).removed;
    },
  };
}

function liveChains({
  catalog,
  layers,
  snapshots,
  owners,
}: Pick<StoreParts, 'catalog' | 'layers' | 'snapshots' | 'owners'>): ReadonlySet<ChainId> {
  const written = [...snapshots.all()].flatMap(({ top }) => (top === undefined ? [] : [top]));
  const tops = [...written, ...owners.chains().filter((chain) => layers.get(chain) !== undefined)];
  const images = catalog.liveChains();
  const orphans = tops.filter((top) => !images.has(top));
  if (orphans.length === 0) return images;
  return new Set([...images, ...orphans.flatMap((top) => layers.stack(top).map(({ chain }) => chain))]);
}

async function collectUnowned(parts: StoreParts, ctx: Ctx): Promise<void> {
  const { content, layers, live, recipes } = parts;
  const blobs = [...(await content.list()), ...recipes.list()];
  await discard(parts, ctx, { gone: layers.forget(live()), blobs });
}

/** What a crash left: rows that nothing refers to, then directories and blobs that no row owns. */
async function collectAtStart(parts: StoreParts, log: Log): Promise<void> {
  const { directories, layers, snapshots, trash, owners: names } = parts;
  await collectUnowned(parts, parts.ctx);
  const owned = new Set([...layers.all()].map(({ directory }) => directory));
  const onDisk = new Set(await directories.layers());
  for (const number of onDisk.difference(owned)) await trash.put(directories.layer(number));
  const missing = owned.difference(onDisk);
  if (missing.size > 0) log.error('Layers are missing on the disk', { directories: [...missing] });
  else await layers.measureOld(parts.ctx);
  const written = new Set([
    ...[...snapshots.all()].map(({ directory }) => directory),
    ...names.directories(),
  ]);
  const writables = new Set(await directories.writables());
  for (const number of writables.difference(written)) await trash.put(directories.writable(number));
}
