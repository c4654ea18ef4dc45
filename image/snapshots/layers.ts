import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Ctx } from '../../common/ctx.ts';
import { failpoint } from '../../common/failpoints.ts';
import { notFound } from '../../common/errors.ts';
import { transaction, writing } from '../../common/sqlite.ts';
import { Undo } from '../../common/undo.ts';
import { hold } from '../content.ts';
import type { ChainId, DiffId } from '../snapshots.ts';
import type { UnpackedLayer } from '../workers/jobs.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Directories } from './directories.ts';
import { layerInserter, readLayers, type Layer } from './layer-rows.ts';
import type { Trash } from './trash.ts';

export type { Layer };

/** Where the layer's content comes from: a file, compressed or not, or whatever the caller does in a job of its own. */
export type LayerSource =
  | {
      readonly blob: string;
      readonly diffId: DiffId;
    }
  | {
      /**
       * Unpacks into `target`, which does not exist yet (`unpackStream` in a worker), and leaves nothing there after a failure. Called
       * once or not at all: not when the layer is there, or comes from someone else who asked at the same time.
       */
      readonly unpack: (target: string) => Promise<UnpackedLayer>;
    };

export type UnpackRequest = LayerSource & {
  readonly chain: ChainId;
  readonly parent: ChainId | undefined;
};

interface UnpackedRow {
  readonly chain: ChainId;
  readonly parent: ChainId | undefined;
  /** From `Directories.next`: the layer is unpacked at `Directories.layer(directory)`. */
  readonly directory: number;
  readonly unpacked: UnpackedLayer;
}

/** Unpacked layers, one for each chain id. */
export interface Layers {
  get(chain: ChainId): Layer | undefined;
  /** The layer and those below it, topmost first. Throws `not-found`. */
  stack(top: ChainId): Layer[];
  /** The layers' directories for a mount, topmost first. */
  paths(stack: readonly Layer[]): string[];
  /**
   * Unpacks a layer unless it is there, once however many ask at a time. Layers of an image unpack at the same time: ask for all of
   * them at once, lowest first (`Promise.all` over the chains), since a layer becomes one only after its parent has, and this throws
   * when the parent is neither there nor on its way. The caller holds both. A failure leaves nothing.
   */
  ensure(ctx: Ctx, request: UnpackRequest): Promise<Layer>;
  /** Measures layers that a version unpacked which did not know what they occupy. */
  measureOld(ctx: Ctx): Promise<void>;
  /** Until disposed, `forget` leaves these and those below them alone. */
  hold(chains: readonly ChainId[]): Disposable;
  /**
   * Deletes the rows of all layers that are not `live`, that nobody holds, and that are not below such a one; topmost first. The caller
   * then calls `discard`.
   */
  forget(live: ReadonlySet<ChainId>): Layer[];
  discard(layers: readonly Layer[]): Promise<void>;
  /**
   * Gives a layer the directory and the figures of `fresh`, which was unpacked from the same blob once more. Returns what it was, for
   * the caller to discard. Throws `not-found`. Synchronous: a mount has either the one or the other.
   */
  exchange(fresh: Layer): Layer;
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
  readonly #insert: (layer: Layer) => void;
  readonly #delete: StatementSync;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#layers = readLayers(parts.db);
    this.#insert = layerInserter(parts.db);
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

  async measureOld(ctx: Ctx): Promise<void> {
    const { db, directories, pool } = this.#parts;
    const old = db.prepare('SELECT chain FROM snapshot_layer WHERE disk_bytes IS NULL').all();
    const update = db.prepare('UPDATE snapshot_layer SET disk_bytes = ?, entry_count = ? WHERE chain = ?');
    for (const { chain } of old) {
      const layer = this.#layers.get(chain as ChainId);
      if (layer === undefined) continue;
      const job = { kind: 'measure', path: directories.layer(layer.directory) } as const;
      const { diskBytes, entryCount } = await pool.run(ctx, job);
      update.run(diskBytes, entryCount, layer.chain);
      this.#layers.set(layer.chain, { ...layer, diskBytes, entryCount });
    }
  }

  hold(chains: readonly ChainId[]): Disposable {
    return hold(this.#holds, chains);
  }

  forget(live: ReadonlySet<ChainId>): Layer[] {
    const kept = new Set([...live, ...this.#holds.keys()].flatMap((chain) => this.#present(chain)));
    const ordered = [...this.#layers.values()]
      .filter(({ chain }) => !kept.has(chain))
      .map((layer) => ({ layer, height: this.#present(layer.chain).length }))
      .sort((a, b) => b.height - a.height)
      .map(({ layer }) => layer);
    transaction(this.#parts.db, () => ordered.forEach(({ chain }) => this.#delete.run(chain)));
    for (const { chain } of ordered) this.#layers.delete(chain);
    return ordered;
  }

  /** The layer and those below it, down to one that is missing. */
  #present(top: ChainId): ChainId[] {
    const found: ChainId[] = [];
    for (let layer = this.#layers.get(top); layer !== undefined;) {
      found.push(layer.chain);
      layer = layer.parent === undefined ? undefined : this.#layers.get(layer.parent);
    }
    return found;
  }

  async discard(layers: readonly Layer[]): Promise<void> {
    const { directories, trash } = this.#parts;
    for (const { directory } of layers) await trash.put(directories.layer(directory));
  }

  exchange(fresh: Layer): Layer {
    const [before] = this.stack(fresh.chain);
    if (before === undefined) throw notFound(`No such layer: ${fresh.chain}`);
    transaction(this.#parts.db, () => {
      this.#delete.run(fresh.chain);
      this.#insert(fresh);
    });
    this.#layers.set(fresh.chain, fresh);
    return before;
  }

  async #unpack(ctx: Ctx, request: UnpackRequest): Promise<Layer> {
    const { chain, parent } = request;
    const { directories } = this.#parts;
    const directory = directories.next();
    const target = directories.layer(directory);
    const unpacked = await this.#fill(ctx, request, target);
    return this.#adopt(ctx, { chain, parent, directory, unpacked });
  }

  async #fill(ctx: Ctx, request: UnpackRequest, target: string): Promise<UnpackedLayer> {
    try {
      if ('unpack' in request) return await request.unpack(target);
      const { blob, diffId } = request;
      return await this.#parts.pool.run(ctx, { kind: 'unpack', blob, diffId, target });
    } catch (error) {
      // Whoever failed should have left nothing, but one who lacks descriptors or has died can't see to that.
      await this.#parts.trash.put(target);
      throw error;
    }
  }

  /**
   * Waits for the parent, settles what depends on it, inserts the row. The directory goes when this fails, and when the chain is there
   * already.
   */
  async #adopt(ctx: Ctx, { chain, parent, directory, unpacked }: UnpackedRow): Promise<Layer> {
    const { directories, trash } = this.#parts;
    await using undo = new Undo();
    undo.defer(() => trash.put(directories.layer(directory)));
    await failpoint('layer.unpacked');
    if (parent !== undefined) await this.#arrival(ctx, parent);
    const root = await this.#settle(ctx, { parent, directory, unpacked });
    ctx.check();
    const there = this.#layers.get(chain);
    if (there !== undefined) return there;
    const { sizeBytes, diskBytes, entryCount, opaqueRoot } = unpacked;
    const layer: Layer = { chain, parent, directory, sizeBytes, diskBytes, entryCount, opaqueRoot, root };
    writing(this.#parts.db, () => this.#insert(layer));
    this.#layers.set(chain, layer);
    undo.commit();
    return layer;
  }

  /** Returns once the row of `chain` is there; throws why it does not come. */
  async #arrival(ctx: Ctx, chain: ChainId): Promise<void> {
    let flight: Promise<unknown> | undefined;
    while (!this.#layers.has(chain)) {
      ctx.check();
      const failed = flight;
      flight = this.#flights.get(chain);
      // Throws what the last one threw, when nobody has begun anew.
      if (flight === undefined) await failed;
      if (flight === undefined) throw notFound(`The layer ${chain} below is neither there nor on its way`);
      await Promise.race([flight.catch(() => {}), aborted(ctx.signal)]);
      // Whoever else waits for it and has a source of its own begins anew by now, see `ensure`.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #settle(
    ctx: Ctx,
    { parent, directory, unpacked }: Omit<UnpackedRow, 'chain'>,
  ): Promise<Layer['root']> {
    const { implied, impliesRoot, root } = unpacked;
    if (parent === undefined || (implied.length === 0 && !impliesRoot)) return root;
    const { directories, pool } = this.#parts;
    const lowers = this.paths(this.stack(parent));
    const path = directories.layer(directory);
    return pool.run(ctx, { kind: 'settle', directory: path, lowers, implied, impliesRoot });
  }
}

/** Resolves when the signal fires. */
const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
