import { join } from 'node:path';
import { readdir, rm, stat } from '../../common/patient-fs.ts';
import { isDigest, type Digest } from '../digest.ts';

/** What nobody has asked for again in that time goes. */
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000;

/** One blob that a transfer has begun to fetch. It may be whole: it moves to the blobs when the image that has it is published. */
export interface Partial {
  readonly digest: Digest;
  readonly bytes: number;
  /** When the last byte came; milliseconds. */
  readonly changedAtMs: number;
}

/**
 * Blobs on their way in, that survive a cancelled transfer and the daemon's end: `<root>/partial/<hex>`. Their bytes are not
 * verified. The account is kept in memory; whoever writes a file notes its length.
 */
export interface Partials {
  path(digest: Digest): string;
  /** Touches no disk. */
  list(): readonly Partial[];
  has(digest: Digest): boolean;
  /** The file has that many bytes now. */
  note(digest: Digest, bytes: number): void;
  /** Looks at the file. */
  measure(digest: Digest): Promise<void>;
  /** Removes the file; none is no error. */
  remove(digest: Digest): Promise<void>;
  /** Removes what is too old, except what `isHeld` knows. Returns the bytes. */
  expire(isHeld: (digest: Digest) => boolean, maxAgeMs?: number): Promise<number>;
}

/** `directory` exists. What is in it and has no digest for a name is removed. */
export async function openPartials(directory: string): Promise<Partials> {
  const known = new Map<Digest, Partial>();
  for (const name of await readdir(directory)) {
    const digest = `sha256:${name}`;
    const path = join(directory, name);
    const status = await stat(path);
    if (isDigest(digest) && status.isFile()) {
      known.set(digest, { digest, bytes: status.size, changedAtMs: status.mtimeMs });
    } else {
      await rm(path, { recursive: true, force: true });
    }
  }
  const path = (digest: Digest): string => join(directory, digest.slice('sha256:'.length));
  const remove = async (digest: Digest): Promise<void> => {
    await rm(path(digest), { force: true });
    known.delete(digest);
  };
  return {
    path,
    remove,
    list: () => [...known.values()],
    has: (digest) => known.has(digest),
    note: (digest, bytes) => void known.set(digest, { digest, bytes, changedAtMs: Date.now() }),
    measure: async (digest) => {
      known.delete(digest);
      const status = await stat(path(digest)).catch(() => undefined);
      if (status !== undefined)
        known.set(digest, { digest, bytes: status.size, changedAtMs: status.mtimeMs });
    },
    expire: async (isHeld, maxAgeMs = MAX_AGE_MS) => {
      const before = Date.now() - maxAgeMs;
      const old = [...known.values()].filter(
        ({ digest, changedAtMs }) => changedAtMs <= before && !isHeld(digest),
      );
      for (const { digest } of old) await remove(digest);
      return old.reduce((sum, { bytes }) => sum + bytes, 0);
    },
  };
}
