import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Ctx } from '../../common/ctx.ts';
import type { Digest } from '../digest.ts';
import type { StoredBlob } from '../save/stored.ts';

const CHUNK_BYTES = 256 * 1024;

type Compressed = Omit<StoredBlob, 'path'>;

/**
 * What plain layers become when they are compressed for a registry. Remembered, so that the next push asks the registry for the
 * result and need not make it, and so that an image keeps its digest also when another version of zlib would compress otherwise. Forgotten with the last image.
 */
export interface CompressedLayers {
  /** Undefined when it has not been compressed yet. */
  known(plain: Digest): Compressed | undefined;
  /** Compresses into a file of `directory`. Uses the thread pool; the event loop only hashes. */
  make(ctx: Ctx, plain: StoredBlob, directory: string): Promise<StoredBlob>;
}

export function openCompressed(db: DatabaseSync): CompressedLayers {
  const find = db.prepare('SELECT digest, size_bytes FROM image_compressed WHERE plain = ?');
  const insert = db.prepare('INSERT OR REPLACE INTO image_compressed VALUES (?, ?, ?)');
  return {
    known: (plain) => {
      const row = find.get(plain) as { digest: Digest; size_bytes: number } | undefined;
      return row === undefined ? undefined : { digest: row.digest, sizeBytes: row.size_bytes };
    },
    make: async (ctx, plain, directory) => {
      const made = await gzip(ctx, plain, join(directory, plain.digest.slice('sha256:'.length)));
      insert.run(plain.digest, made.digest, made.sizeBytes);
      return made;
    },
  };
}

async function gzip(ctx: Ctx, { path: source }: StoredBlob, path: string): Promise<StoredBlob> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const count = new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => {
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
      done(null, chunk);
    },
  });
  await pipeline(
    createReadStream(source, { highWaterMark: CHUNK_BYTES }),
    createGzip({ chunkSize: CHUNK_BYTES }),
    count,
    createWriteStream(path, { mode: 0o600 }),
    { signal: ctx.signal },
  );
  return { path, sizeBytes, digest: `sha256:${hash.digest('hex')}` as Digest };
}
