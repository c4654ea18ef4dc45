import { chmod, chown, mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { notFound } from '../../common/errors.ts';
import { failpoint } from '../../common/failpoints.ts';
import { KeyedLocks } from '../../common/locks.ts';
import { Undo } from '../../common/undo.ts';
import { isErrno } from '../../native/sys/files.ts';
import type { ChainId, OverlayDirs, Snapshots } from '../snapshots.ts';
import type { Directories } from './directories.ts';
import type { Layer, Layers } from './layers.ts';
import type { Trash } from './trash.ts';

interface Writable {
  readonly directory: number;
  readonly top: ChainId | undefined;
}

export interface WritableSnapshots extends Snapshots {
  all(): Iterable<Writable>;
}

interface Parts {
  readonly db: DatabaseSync;
  readonly directories: Directories;
  readonly layers: Layers;
  readonly trash: Trash;
  /** Called when a snapshot is gone: its layers may be nobody's now. */
  readonly released: (top: ChainId) => Promise<void>;
}

const EMPTY_ROOT = { mode: 0o755, uid: 0, gid: 0 } as const;

export function openWritable({ db, directories, layers, trash, released }: Parts): WritableSnapshots {
  const rows = readRows(db);
  const locks = new KeyedLocks();
  const insert = db.prepare('INSERT INTO snapshot_writable VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM snapshot_writable WHERE key = ?');

  const dirs = ({ directory, top }: Writable): OverlayDirs => {
    const path = directories.writable(directory);
    const stack = top === undefined ? [] : layers.stack(top);
    return { lower: layers.paths(stack), upper: join(path, 'u'), work: join(path, 'w') };
  };
  const get = (key: string): OverlayDirs => {
    const row = rows.get(key);
    if (row === undefined) throw notFound(`No such snapshot: ${key}`);
    return dirs(row);
  };
  return {
    prepare: async (_ctx, key, top) => {
      using _ = await locks.acquire(key);
      if (rows.has(key)) return get(key);
      const stack = top === undefined ? [] : layers.stack(top);
      using _held = layers.hold(stack.map(({ chain }) => chain));
      await using undo = new Undo();
      const row = { directory: directories.next(), top };
      undo.defer(() => trash.put(directories.writable(row.directory)));
      await makeDirectories(directories.writable(row.directory), stack[0]);
      await failpoint('snapshot.made');
      insert.run(key, row.directory, top ?? null);
      rows.set(key, row);
      undo.commit();
      return dirs(row);
    },
    get,
    remove: async (_ctx, key) => {
      using _ = await locks.acquire(key);
      const row = rows.get(key);
      if (row === undefined) return;
      remove.run(key);
      rows.delete(key);
      await failpoint('snapshot.forgotten');
      await trash.put(directories.writable(row.directory));
      if (row.top !== undefined) await released(row.top);
    },
    clearVolatile: async (key) => {
      try {
        await rmdir(join(get(key).work, 'work', 'incompat', 'volatile'));
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw error;
      }
    },
    keys: () => [...rows.keys()],
    all: () => rows.values(),
  };
}

/** The upper directory is the root of the mount: it looks as the topmost layer's root does. */
async function makeDirectories(path: string, top: Layer | undefined): Promise<void> {
  const { mode, uid, gid } = top?.root ?? EMPTY_ROOT;
  await mkdir(path, { mode: 0o700 });
  const upper = join(path, 'u');
  await Promise.all([mkdir(upper, { mode }), mkdir(join(path, 'w'), { mode: 0o700 })]);
  if (uid !== 0 || gid !== 0) await chown(upper, uid, gid);
  // mkdir obeys the umask, and drops setuid and setgid.
  await chmod(upper, mode);
}

function readRows(db: DatabaseSync): Map<string, Writable> {
  const rows = db.prepare('SELECT key, directory, top FROM snapshot_writable').all() as unknown as {
    key: string;
    directory: number;
    top: ChainId | null;
  }[];
  return new Map(rows.map(({ key, directory, top }) => [key, { directory, top: top ?? undefined }]));
}
