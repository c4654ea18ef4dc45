import { join } from 'node:path';
import type { Ctx } from '../../common/ctx.ts';
import { readChunks } from '../../common/patient-fs.ts';
import type { Digest } from '../digest.ts';
import type { StoreParts } from '../parts.ts';
import type { StoredBlob } from '../save/stored.ts';

type Compressed = Omit<StoredBlob, 'path'>;

/**
 * What plain layers, and those in a format that not every reader knows, become when they are compressed in gzip for a registry. Remembered, so that the next push asks the registry for the
 * result and need not make it, and so that an image keeps its digest also when another version of zlib would compress otherwise. Forgotten with the last image.
 */
export interface CompressedLayers {
  /** Undefined when it has not been compressed yet. */
  known(layer: Digest): Compressed | undefined;
  /** Compresses into a file of `directory`, in a worker. */
  make(ctx: Ctx, layer: StoredBlob, directory: string): Promise<StoredBlob>;
}

export function openCompressed({ db, workers }: Pick<StoreParts, 'db' | 'workers'>): CompressedLayers {
  const find = db.prepare('SELECT digest, size_bytes FROM image_compressed WHERE plain = ?');
  const insert = db.prepare('INSERT OR REPLACE INTO image_compressed VALUES (?, ?, ?)');
  return {
    known: (layer) => {
      const row = find.get(layer) as { digest: Digest; size_bytes: number } | undefined;
      return row === undefined ? undefined : { digest: row.digest, sizeBytes: row.size_bytes };
    },
    make: async (ctx, layer, directory) => {
      const path = join(directory, layer.digest.slice('sha256:'.length));
      const job = { kind: 'pack', file: path, from: undefined } as const;
      const made = await workers.run(ctx, job, readChunks(layer.path));
      const digest = made.digest as Digest;
      insert.run(layer.digest, digest, made.sizeBytes);
      return { path, digest, sizeBytes: made.sizeBytes };
    },
  };
}
