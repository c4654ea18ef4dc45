import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyedLocks } from '../common/locks.ts';
import { isErrno } from '../native/sys/files.ts';
import { isDigest, type Digest } from './digest.ts';

const PRIVATE = 0o700;

/**
 * Blobs by digest, as an OCI layout has them: `<root>/blobs/sha256/<hex>`. A blob is there only while something owns it: an image's
 * row, or whoever holds it with `hold` until a row does.
 */
export interface ContentStore {
  readonly root: string;
  path(digest: Digest): string;
  /** A fresh directory on the same file system, for what is on its way in; removed when disposed, and at the next start. */
  ingest(): Promise<{ readonly directory: string } & AsyncDisposable>;
  /** Moves a file, whose digest the caller has computed, to its place. Held blobs only. Idempotent. */
  adopt(file: string, digest: Digest): Promise<void>;
  /** Until disposed, `discard` leaves these alone. */
  hold(digests: readonly Digest[]): Disposable;
  /** Removes those blobs that nobody holds and `isOwned` does not know. */
  discard(digests: readonly Digest[], isOwned: (digest: Digest) => boolean): Promise<void>;
  /** What is on disk. */
  list(): Promise<Digest[]>;
}

/** Opens or creates the store, and removes what was on its way in when the last daemon ended. */
export async function openContent(root: string): Promise<ContentStore> {
  const blobs = join(root, 'blobs', 'sha256');
  const incoming = join(root, 'ingest');
  await rm(incoming, { recursive: true, force: true });
  await mkdir(blobs, { recursive: true, mode: PRIVATE });
  await mkdir(incoming, { recursive: true, mode: PRIVATE });
  const locks = new KeyedLocks();
  const holds = new Map<Digest, number>();
  const path = (digest: Digest): string => join(blobs, digest.slice('sha256:'.length));
  return {
    root,
    path,
    ingest: async () => {
      const directory = await mkdtemp(join(incoming, 'i'));
      return {
        directory,
        [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
      };
    },
    adopt: async (file, digest) => {
      using _ = await locks.acquire(digest);
      if (!(await exists(path(digest)))) await rename(file, path(digest));
    },
    hold: (digests) => hold(holds, digests),
    discard: async (digests, isOwned) => {
      for (const digest of digests) {
        using _ = await locks.acquire(digest);
        if (!holds.has(digest) && !isOwned(digest)) await rm(path(digest), { force: true });
      }
    },
    list: async () => (await readdir(blobs)).map((name) => `sha256:${name}`).filter((name) => isDigest(name)),
  };
}

/** Counts holders by key. */
export function hold<K>(holds: Map<K, number>, keys: readonly K[]): Disposable {
  for (const key of keys) holds.set(key, (holds.get(key) ?? 0) + 1);
  return {
    [Symbol.dispose]: () => {
      for (const key of keys) {
        const left = (holds.get(key) ?? 0) - 1;
        if (left > 0) holds.set(key, left);
        else holds.delete(key);
      }
    },
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
