import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ctx } from '../common/ctx.ts';
import { codeOf } from '../common/errors.ts';
import { mkdir, patiently, readdir, rename, rm, setApart, stat } from '../common/patient-fs.ts';
import { KeyedLocks } from '../common/locks.ts';
import { isErrno } from '../native/sys/files.ts';
import { openPartials, type Partials } from './content/partials.ts';
import { isDigest, type Digest } from './digest.ts';

const PRIVATE = 0o700;

/** Of one blob. */
export interface BlobSize {
  readonly bytes: number;
  /** Occupied on the disk: 512-byte blocks. */
  readonly diskBytes: number;
}

/**
 * Blobs by digest, as an OCI layout has them: `<root>/blobs/sha256/<hex>`. A blob is there only while something owns it: an image's
 * row, or whoever holds it with `hold` until a row does.
 */
export interface ContentStore {
  readonly root: string;
  /** What transfers have begun to fetch. */
  readonly partials: Partials;
  path(digest: Digest): string;
  /** A fresh directory on the same file system, for what is on its way in; removed when disposed, and at the next start. */
  ingest(): Promise<{ readonly directory: string } & AsyncDisposable>;
  /**
   * Moves a file, whose digest the caller has computed, to its place, unless the blob is there. One that is there with another
   * length is damaged, and replaced. Held blobs only. Idempotent.
   */
  adopt(ctx: Ctx, file: string, digest: Digest): Promise<void>;
  /** The same, but replaces what is there in any case, atomically: it was found to be damaged. */
  replace(ctx: Ctx, file: string, digest: Digest): Promise<void>;
  /** Until disposed, `discard` leaves these alone. */
  hold(digests: readonly Digest[]): Disposable;
  /** Whether somebody holds it. */
  isHeld(digest: Digest): boolean;
  /** Removes those blobs that nobody holds and `isOwned` does not know. Returns what that freed on the disk, in bytes. */
  discard(ctx: Ctx, digests: readonly Digest[], isOwned: (digest: Digest) => boolean): Promise<number>;
  /** What is on disk. */
  list(): Promise<Digest[]>;
  /** As the store knows it, without touching the disk; undefined where it has no such blob. */
  size(digest: Digest): BlobSize | undefined;
  /** Of all blobs. */
  total(): BlobSize;
}

/** Opens or creates the store, and removes what was on its way in when the last daemon ended. */
export async function openContent(root: string): Promise<ContentStore> {
  const blobs = join(root, 'blobs', 'sha256');
  const incoming = join(root, 'ingest');
  setApart(root);
  await rm(incoming, { recursive: true, force: true });
  await mkdir(blobs, { recursive: true, mode: PRIVATE });
  await mkdir(incoming, { recursive: true, mode: PRIVATE });
  await mkdir(join(root, 'partial'), { recursive: true, mode: PRIVATE });
  const partials = await openPartials(join(root, 'partial'));
  await partials.expire(() => false);
  const leftovers = new Set<string>();
  const locks = new KeyedLocks();
  const lock = (ctx: Ctx, digest: Digest): Promise<Disposable> =>
    locks.acquireFor(ctx, digest, `blob ${digest}`);
  const sizes = new BlobSizes();
  const path = (digest: Digest): string => join(blobs, digest.slice('sha256:'.length));
  for (const digest of await digestsIn(blobs)) sizes.put(digest, await sizeOf(path(digest)));
  const holds = new Map<Digest, number>();
  const move = async (file: string, digest: Digest): Promise<void> => {
    await rename(file, path(digest));
    sizes.put(digest, await sizeOf(path(digest)));
  };
  return {
    root,
    partials,
    path,
    ingest: async () => {
      await removeAll(leftovers);
      const directory = await makeIngest(incoming, leftovers);
      return {
        directory,
        [Symbol.asyncDispose]: async () => {
          leftovers.add(directory);
          await removeAll(leftovers);
        },
      };
    },
    adopt: async (ctx, file, digest) => {
      using _ = await lock(ctx, digest);
      const [there, fresh] = [await sizeOf(path(digest)), await sizeOf(file)];
      // The file may be gone: it is in its place already.
      if (there !== undefined && (fresh === undefined || fresh.bytes === there.bytes)) return;
      await move(file, digest);
    },
    replace: async (ctx, file, digest) => {
      using _ = await lock(ctx, digest);
      await move(file, digest);
    },
    hold: (digests) => hold(holds, digests),
    isHeld: (digest) => holds.has(digest),
    discard: async (ctx, digests, isOwned) => {
      let freedBytes = 0;
      for (const digest of digests) {
        using _ = await lock(ctx, digest);
        if (holds.has(digest) || isOwned(digest)) continue;
        freedBytes += await removeBlob(sizes, digest, path(digest));
      }
      return freedBytes;
    },
    list: () => digestsIn(blobs),
    size: (digest) => sizes.get(digest),
    total: () => sizes.total(),
  };
}

const digestsIn = async (blobs: string): Promise<Digest[]> =>
  (await readdir(blobs)).map((name) => `sha256:${name}`).filter((name) => isDigest(name));

/** Out of the account first: who looks for it while it goes must not find it. Returns what that freed. */
async function removeBlob(sizes: BlobSizes, digest: Digest, path: string): Promise<number> {
  const size = sizes.get(digest);
  const freedBytes = sizes.remove(digest);
  try {
    await rm(path, { force: true });
    return freedBytes;
  } catch (error) {
    sizes.put(digest, size);
    throw error;
  }
}

/** The account of what is on disk, kept up to date by who moves it. */
class BlobSizes {
  readonly #sizes = new Map<Digest, BlobSize>();
  #bytes = 0;
  #diskBytes = 0;

  get(digest: Digest): BlobSize | undefined {
    return this.#sizes.get(digest);
  }

  total(): BlobSize {
    return { bytes: this.#bytes, diskBytes: this.#diskBytes };
  }

  put(digest: Digest, size: BlobSize | undefined): void {
    this.remove(digest);
    if (size === undefined) return;
    this.#sizes.set(digest, size);
    this.#bytes += size.bytes;
    this.#diskBytes += size.diskBytes;
  }

  /** Returns what it occupied on the disk. */
  remove(digest: Digest): number {
    const size = this.#sizes.get(digest);
    if (size === undefined) return 0;
    this.#sizes.delete(digest);
    this.#bytes -= size.bytes;
    this.#diskBytes -= size.diskBytes;
    return size.diskBytes;
  }
}

/** One that storage which hung makes after all, when nobody waits any more, is a leftover. */
async function makeIngest(incoming: string, leftovers: Set<string>): Promise<string> {
  let isLate = false;
  try {
    return await patiently(incoming, async () => {
      const directory = await mkdtemp(join(incoming, 'i'));
      if (isLate) leftovers.add(directory);
      return directory;
    });
  } catch (error) {
    isLate = true;
    throw error;
  }
}

/**
 * Without descriptors, or on storage that hangs, nothing can be removed: the next call tries again, and why the work failed is worth
 * more.
 */
async function removeAll(directories: Set<string>): Promise<void> {
  for (const directory of [...directories]) {
    try {
      await rm(directory, { recursive: true, force: true });
      directories.delete(directory);
    } catch (error) {
      if (!isErrno(error, 'EMFILE', 'ENFILE') && codeOf(error) !== 'deadline-exceeded') throw error;
    }
  }
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

/** Undefined where nothing is. */
async function sizeOf(path: string): Promise<BlobSize | undefined> {
  try {
    const { size, blocks } = await stat(path);
    return { bytes: size, diskBytes: blocks * 512 };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
