import { join, relative } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { chmod, chown, mkdir, rm, writeFile } from '../../common/patient-fs.ts';
import type { Ctx } from '../../common/ctx.ts';
import { notFound } from '../../common/errors.ts';
import { failpoint } from '../../common/failpoints.ts';
import { KeyedLocks } from '../../common/locks.ts';
import { writing } from '../../common/sqlite.ts';
import { Undo } from '../../common/undo.ts';
import type { Loops } from '../loops.ts';
import type { ChainId, OpenSnapshot, OverlayDirs, Snapshots } from '../snapshots.ts';
import type { Directories } from './directories.ts';
import type { Layer, Layers } from './layers.ts';
import type { Limit } from '../workers/jobs.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Trash } from './trash.ts';

interface Writable {
  readonly directory: number;
  readonly top: ChainId | undefined;
  readonly hasLoop: boolean;
}

export interface WritableSnapshots extends Snapshots {
  all(): Iterable<Writable>;
  /** The topmost layers below these keys; unknown ones are left out. */
  topsOf(keys: Iterable<string>): ChainId[];
}

interface Parts {
  readonly db: DatabaseSync;
  readonly directories: Directories;
  readonly layers: Layers;
  readonly trash: Trash;
  readonly pool: WorkerPool;
  readonly loops: Loops;
  /** Called when a snapshot is gone: its layers may be nobody's now. */
  readonly released: () => Promise<void>;
}

const EMPTY_ROOT = { mode: 0o755, uid: 0, gid: 0 } as const;

export const openWritable = (parts: Parts): WritableSnapshots => new WritableStore(parts);

class WritableStore implements WritableSnapshots {
  readonly #parts: Parts;
  readonly #rows: Map<string, Writable>;
  readonly #locks = new KeyedLocks();
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#rows = readRows(parts.db);
    this.#insert = parts.db.prepare('INSERT INTO snapshot_writable VALUES (?, ?, ?, ?)');
    this.#delete = parts.db.prepare('DELETE FROM snapshot_writable WHERE key = ?');
  }

  prepare(ctx: Ctx, key: string, top: ChainId | undefined): Promise<OverlayDirs> {
    return this.#make(ctx, key, { top });
  }

  prepareSized(
    ctx: Ctx,
    key: string,
    wanted: { readonly top: ChainId | undefined; readonly sizeBytes: number },
  ): Promise<OverlayDirs> {
    return this.#make(ctx, key, wanted);
  }

  async #make(
    ctx: Ctx,
    key: string,
    { top, sizeBytes }: { readonly top: ChainId | undefined; readonly sizeBytes?: number },
  ): Promise<OverlayDirs> {
    const { directories, layers, trash } = this.#parts;
    using _ = await this.#locks.acquireFor(ctx, key, 'its snapshot');
    if (this.#rows.has(key)) return this.get(key);
    const stack = top === undefined ? [] : layers.stack(top);
    using _held = layers.hold(stack.map(({ chain }) => chain));
    await using undo = new Undo();
    const number = directories.next();
    const directory = directories.writable(number);
    undo.defer(() => trash.put(directory));
    await makeDirectories(directory, stack[0]);
    const limit = sizeBytes === undefined ? undefined : await this.#limit(ctx, directory, sizeBytes);
    await failpoint('snapshot.made');
    const row = { directory: number, top, hasLoop: limit === 'loop' };
    writing(this.#parts.db, () => this.#insert.run(key, number, top ?? null, row.hasLoop ? 1 : null));
    this.#rows.set(key, row);
    undo.commit();
    return this.#dirs(row);
  }

  /** Before there is a row: what a crash leaves is nobody's, and no container that may write more than it should. */
  async #limit(ctx: Ctx, directory: string, sizeBytes: number): Promise<Limit> {
    // The limit is taken away by a worker, and a directory that is not empty is left to one.
    await writeFile(join(directory, 'limit'), String(sizeBytes));
    const limit = await this.#parts.pool.run(ctx, { kind: 'limit', directory, below: ['u', 'w'], sizeBytes });
    await failpoint('snapshot.limited');
    return limit;
  }

  get(key: string): OverlayDirs {
    const row = this.#rows.get(key);
    if (row === undefined) throw notFound(`No such snapshot: ${key}`);
    return this.#dirs(row);
  }

  async open(ctx: Ctx, { loop, lower, upper }: OverlayDirs): Promise<OpenSnapshot> {
    if (loop === undefined) return { lower, upper, [Symbol.asyncDispose]: async () => {} };
    const { path, [Symbol.asyncDispose]: close } = await this.#parts.loops.open(ctx, loop);
    return { lower, upper: join(path, relative(loop, upper)), [Symbol.asyncDispose]: close };
  }

  async remove(ctx: Ctx, key: string): Promise<void> {
    const { directories, trash, released } = this.#parts;
    using _ = await this.#locks.acquireFor(ctx, key, 'its snapshot');
    const row = this.#rows.get(key);
    if (row === undefined) return;
    writing(this.#parts.db, () => this.#delete.run(key));
    this.#rows.delete(key);
    await failpoint('snapshot.forgotten');
    await trash.put(directories.writable(row.directory));
    await released();
  }

  async clearVolatile(key: string): Promise<void> {
    const mark = join(this.get(key).work, 'work', 'incompat', 'volatile');
    // The kernel's own note in it: `dirty`.
    await rm(mark, { recursive: true, force: true });
  }

  keys(): readonly string[] {
    return [...this.#rows.keys()];
  }

  all(): Iterable<Writable> {
    return this.#rows.values();
  }

  topsOf(keys: Iterable<string>): ChainId[] {
    return [...keys].flatMap((key) => this.#rows.get(key)?.top ?? []);
  }

  #dirs({ directory, top, hasLoop }: Writable): OverlayDirs {
    const { directories, layers } = this.#parts;
    const path = directories.writable(directory);
    const stack = top === undefined ? [] : layers.stack(top);
    const dirs = { lower: layers.paths(stack), upper: join(path, 'u'), work: join(path, 'w') };
    return hasLoop ? { ...dirs, loop: path } : dirs;
  }
}

/** The upper directory is the root of the mount: it looks as the topmost layer's root does. */
export async function makeDirectories(path: string, top: Pick<Layer, 'root'> | undefined): Promise<void> {
  const { mode, uid, gid } = top?.root ?? EMPTY_ROOT;
  await mkdir(path, { mode: 0o700 });
  const upper = join(path, 'u');
  await Promise.all([mkdir(upper, { mode }), mkdir(join(path, 'w'), { mode: 0o700 })]);
  if (uid !== 0 || gid !== 0) await chown(upper, uid, gid);
  // mkdir obeys the umask, and drops setuid and setgid.
  await chmod(upper, mode);
}

function readRows(db: DatabaseSync): Map<string, Writable> {
  const rows = db.prepare('SELECT key, directory, top, has_loop FROM snapshot_writable').all() as unknown as {
    key: string;
    directory: number;
    top: ChainId | null;
    has_loop: number | null;
  }[];
  return new Map(
    rows.map(({ key, directory, top, has_loop: loop }) => [
      key,
      { directory, top: top ?? undefined, hasLoop: loop === 1 },
    ]),
  );
}
