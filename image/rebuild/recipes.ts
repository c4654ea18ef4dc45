import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { failpoint } from '../../common/failpoints.ts';
import { mkdir, readdir, rename, rm, stat, syncToDisk } from '../../common/patient-fs.ts';
import { writing } from '../../common/sqlite.ts';
import type { BlobSize } from '../content.ts';
import { flush } from '../delete.ts';
import { isDigest, type Digest } from '../digest.ts';
import type { Recipe, Recipes, Recompression } from './contract.ts';

const NOTHING: BlobSize = { bytes: 0, diskBytes: 0 };

/** Opens or creates the directory, and removes what has no row. */
export async function openRecipes(directory: string, db: DatabaseSync): Promise<Recipes> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const known = readRows(db);
  const path = (digest: Digest): string => join(directory, digest.slice('sha256:'.length));
  const sizes = new Map<Digest, BlobSize>();
  for (const name of await readdir(directory)) {
    const digest = `sha256:${name}`;
    const file = join(directory, name);
    if (isDigest(digest) && known.has(digest)) sizes.set(digest, await sizeOf(file));
    else await rm(file, { recursive: true, force: true });
  }
  const rows = recipeRows(db);
  return {
    path,
    get: (digest) => known.get(digest),
    size: (digest) => sizes.get(digest),
    total: () => [...sizes.values()].reduce((sum, size) => added(sum, size), NOTHING),
    list: () => [...known.keys()],
    put: async (file, recipe) => {
      const { digest } = recipe;
      await syncToDisk(file);
      await rename(file, path(digest));
      // A rename is on the disk when its directory is.
      await syncToDisk(directory);
      await failpoint('recipe.moved');
      const size = await sizeOf(path(digest));
      writing(db, () => rows.insert(recipe));
      known.set(digest, recipe);
      sizes.set(digest, size);
      // Before the blob goes: a power cut may take a row that only this process knows.
      await flush(db.location());
      await failpoint('recipe.recorded');
    },
    remove: async (digest) => {
      if (!known.has(digest)) return 0;
      writing(db, () => rows.remove(digest));
      known.delete(digest);
      const freed = sizes.get(digest)?.diskBytes ?? 0;
      sizes.delete(digest);
      await rm(path(digest), { force: true });
      return freed;
    },
    kept: (digest) => rows.kept(digest),
    keep: (digest, reason) => writing(db, () => rows.keep(digest, reason)),
  };
}

const added = (a: BlobSize, b: BlobSize): BlobSize => ({
  bytes: a.bytes + b.bytes,
  diskBytes: a.diskBytes + b.diskBytes,
});

function recipeRows(db: DatabaseSync) {
  const insert = db.prepare('INSERT OR REPLACE INTO image_recipe VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM image_recipe WHERE blob = ?');
  const keep = db.prepare('INSERT OR REPLACE INTO image_kept VALUES (?, ?)');
  const kept = db.prepare('SELECT reason FROM image_kept WHERE blob = ?');
  return {
    insert: ({ digest, recompression, blobBytes }: Recipe) =>
      void insert.run(digest, JSON.stringify(recompression), blobBytes),
    remove: (digest: Digest) => void remove.run(digest),
    keep: (digest: Digest, reason: string) => void keep.run(digest, reason),
    kept: (digest: Digest) => kept.get(digest)?.['reason'] as string | undefined,
  };
}

function readRows(db: DatabaseSync): Map<Digest, Recipe> {
  const rows = db.prepare('SELECT blob, recompression, blob_bytes FROM image_recipe').all() as unknown as {
    blob: Digest;
    recompression: string;
    blob_bytes: number;
  }[];
  return new Map(
    rows.map(({ blob: digest, recompression, blob_bytes: blobBytes }) => [
      digest,
      { digest, recompression: JSON.parse(recompression) as Recompression, blobBytes },
    ]),
  );
}

async function sizeOf(path: string): Promise<BlobSize> {
  const { size, blocks } = await stat(path);
  return { bytes: size, diskBytes: blocks * 512 };
}
