import type { DatabaseSync } from 'node:sqlite';
import type { Ctx } from '../../common/ctx.ts';
import { failpoint } from '../../common/failpoints.ts';
import { notFound } from '../../common/errors.ts';
import { transaction } from '../../common/sqlite.ts';
import { hold } from '../content.ts';
import type { ChainId, DiffId } from '../snapshots.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Directories } from './directories.ts';
import type { Trash } from './trash.ts';

/** One unpacked layer. */
export interface Layer {
  readonly chain: ChainId;
  readonly parent: ChainId | undefined;
  readonly directory: number;
  readonly sizeBytes: number;
  /** Hides all layers below: overlayfs ignores the mark on a lower's root, so they are left out of the mount. */
  readonly opaqueRoot: boolean;
  readonly root: { readonly mode: number; readonly uid: number; readonly gid: number };
}

export interface UnpackRequest {
  readonly chain: ChainId;
  readonly parent: ChainId | undefined;
  readonly diffId: DiffId;
  /** A file with the layer, compressed or not. */
  readonly blob: string;
}

/** Unpacked layers, one for each chain id. */
export interface Layers {
  get(chain: ChainId): Layer | undefined;
  /** The layer and those below it, topmost first. Throws `not-found`. */
  stack(top: ChainId): Layer[];
  /** The layers' directories for a mount, topmost first. */
  paths(stack: readonly Layer[]): string[];
  /** Unpacks a layer unless it is there, once however many ask at a time. Its parent is there; the caller holds both. */
  ensure(ctx: Ctx, request: UnpackRequest): Promise<Layer>;
  /** Until disposed, `forget` leaves these alone. */
  hold(chains: readonly ChainId[]): Disposable;
  /** Deletes the rows of all layers that nobody holds and that are not `live`; topmost first. The caller then calls `discard`. */
  forget(live: ReadonlySet<ChainId>): Layer[];
  discard(layers: readonly Layer[]): Promise<void>;
  all(): Iterable<Layer>;
}

interface Parts {
  readonly db: DatabaseSync;
  readonly directories: Directories;
  readonly trash: Trash;
  readonly pool: WorkerPool;
}

export function openLayers({ db, directories, trash, pool }: Parts): Layers {
  const layers = readRows(db);
  const flights = new Map<ChainId, Promise<Layer>>();
  const holds = new Map<ChainId, number>();
  const insert = db.prepare('INSERT INTO snapshot_layer VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM snapshot_layer WHERE chain = ?');

  const stack = (top: ChainId): Layer[] => {
    const found: Layer[] = [];
    for (let chain: ChainId | undefined = top; chain !== undefined; chain = found.at(-1)?.parent) {
      const layer = layers.get(chain);
      if (layer === undefined) throw notFound(`No such layer: ${chain}`);
      found.push(layer);
    }
    return found;
  };
  const paths = (stack: readonly Layer[]): string[] => {
    const opaque = stack.findIndex((layer) => layer.opaqueRoot);
    const visible = opaque === -1 ? stack : stack.slice(0, opaque + 1);
    return visible.map((layer) => directories.layer(layer.directory));
  };
  const unpack = async (ctx: Ctx, request: UnpackRequest): Promise<Layer> => {
    const { chain, parent, blob, diffId } = request;
    const directory = directories.next();
    const lowers = parent === undefined ? [] : paths(stack(parent));
    const target = directories.layer(directory);
    const unpacked = await pool.run(ctx, { kind: 'unpack', blob, diffId, lowers, target });
    await failpoint('layer.unpacked');
    const { mode, uid, gid } = unpacked.root;
    const opaque = unpacked.opaqueRoot ? 1 : 0;
    insert.run(chain, parent ?? null, directory, unpacked.sizeBytes, opaque, mode, uid, gid);
    const layer = { chain, parent, directory, ...unpacked };
    layers.set(chain, layer);
    return layer;
  };
  return {
    get: (chain) => layers.get(chain),
    stack,
    paths,
    ensure: async (ctx, request) => {
      for (;;) {
        const layer = layers.get(request.chain);
        if (layer !== undefined) return layer;
        const other = flights.get(request.chain);
        if (other === undefined) break;
        // If it fails, for its caller's reasons or for its blob's, this caller tries with its own.
        await other.catch(() => {});
        ctx.check();
      }
      const flight = unpack(ctx, request).finally(() => flights.delete(request.chain));
      flights.set(request.chain, flight);
      return flight;
    },
    hold: (chains) => hold(holds, chains),
    forget: (live) => {
      const unused = [...layers.values()].filter(({ chain }) => !live.has(chain) && !holds.has(chain));
      const ordered = unused
        .map((layer) => ({ layer, height: stack(layer.chain).length }))
        .sort((a, b) => b.height - a.height)
        .map(({ layer }) => layer);
      transaction(db, () => ordered.forEach(({ chain }) => remove.run(chain)));
      for (const { chain } of ordered) layers.delete(chain);
      return ordered;
    },
    discard: async (gone) => {
      for (const { directory } of gone) await trash.put(directories.layer(directory));
    },
    all: () => layers.values(),
  };
}

function readRows(db: DatabaseSync): Map<ChainId, Layer> {
  const rows = db.prepare('SELECT * FROM snapshot_layer').all() as unknown as {
    chain: ChainId;
    parent: ChainId | null;
    directory: number;
    size_bytes: number;
    opaque_root: number;
    root_mode: number;
    root_uid: number;
    root_gid: number;
  }[];
  const layers = rows.map((row) => ({
    chain: row.chain,
    parent: row.parent ?? undefined,
    directory: row.directory,
    sizeBytes: row.size_bytes,
    opaqueRoot: row.opaque_root === 1,
    root: { mode: row.root_mode, uid: row.root_uid, gid: row.root_gid },
  }));
  return new Map(layers.map((layer) => [layer.chain, layer]));
}
