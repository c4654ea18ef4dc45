import type { DatabaseSync, StatementSync } from 'node:sqlite';
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

export const openLayers = (parts: Parts): Layers => new LayerStore(parts);

class LayerStore implements Layers {
  readonly #parts: Parts;
  readonly #layers: Map<ChainId, Layer>;
  readonly #flights = new Map<ChainId, Promise<Layer>>();
  readonly #holds = new Map<ChainId, number>();
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#layers = readRows(parts.db);
    this.#insert = parts.db.prepare('INSERT INTO snapshot_layer VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.#delete = parts.db.prepare('DELETE FROM snapshot_layer WHERE chain = ?');
  }

  get(chain: ChainId): Layer | undefined {
    return this.#layers.get(chain);
  }

  all(): Iterable<Layer> {
    return this.#layers.values();
  }

  stack(top: ChainId): Layer[] {
    const found: Layer[] = [];
    for (let chain: ChainId | undefined = top; chain !== undefined; chain = found.at(-1)?.parent) {
      const layer = this.#layers.get(chain);
      if (layer === undefined) throw notFound(`No such layer: ${chain}`);
      found.push(layer);
    }
    return found;
  }

  paths(stack: readonly Layer[]): string[] {
    const opaque = stack.findIndex((layer) => layer.opaqueRoot);
    const visible = opaque === -1 ? stack : stack.slice(0, opaque + 1);
    return visible.map((layer) => this.#parts.directories.layer(layer.directory));
  }

  async ensure(ctx: Ctx, request: UnpackRequest): Promise<Layer> {
    for (;;) {
      const layer = this.#layers.get(request.chain);
      if (layer !== undefined) return layer;
      const other = this.#flights.get(request.chain);
      if (other === undefined) break;
      // If it fails, for its caller's reasons or for its blob's, this caller tries with its own.
      await other.catch(() => {});
      ctx.check();
    }
    const flight = this.#unpack(ctx, request).finally(() => this.#flights.delete(request.chain));
    this.#flights.set(request.chain, flight);
    return flight;
  }

  hold(chains: readonly ChainId[]): Disposable {
    return hold(this.#holds, chains);
  }

  forget(live: ReadonlySet<ChainId>): Layer[] {
    const unused = [...this.#layers.values()].filter(
      ({ chain }) => !live.has(chain) && !this.#holds.has(chain),
    );
    const ordered = unused
      .map((layer) => ({ layer, height: this.stack(layer.chain).length }))
      .sort((a, b) => b.height - a.height)
      .map(({ layer }) => layer);
    transaction(this.#parts.db, () => ordered.forEach(({ chain }) => this.#delete.run(chain)));
    for (const { chain } of ordered) this.#layers.delete(chain);
    return ordered;
  }

  async discard(layers: readonly Layer[]): Promise<void> {
    const { directories, trash } = this.#parts;
    for (const { directory } of layers) await trash.put(directories.layer(directory));
  }

  async #unpack(ctx: Ctx, request: UnpackRequest): Promise<Layer> {
    const { chain, parent, blob, diffId } = request;
    const { directories, pool } = this.#parts;
    const directory = directories.next();
    const lowers = parent === undefined ? [] : this.paths(this.stack(parent));
    const target = directories.layer(directory);
    const unpacked = await pool.run(ctx, { kind: 'unpack', blob, diffId, lowers, target });
    await failpoint('layer.unpacked');
    const { mode, uid, gid } = unpacked.root;
    const opaque = unpacked.opaqueRoot ? 1 : 0;
    this.#insert.run(chain, parent ?? null, directory, unpacked.sizeBytes, opaque, mode, uid, gid);
    const layer = { chain, parent, directory, ...unpacked };
    this.#layers.set(chain, layer);
    return layer;
  }
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
