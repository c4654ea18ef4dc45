import { open } from 'node:fs/promises';
import { WherryError } from '../../common/errors.ts';
import { patiently } from '../../common/patient-fs.ts';
import { isErrno } from '../../native/sys/files.ts';
import { compressionOf, MAGIC_BYTES, type Compression } from '../compression.ts';
import type { Digest } from '../digest.ts';
import type { Image } from '../images.ts';
import type { StoreParts } from '../parts.ts';
import type { DiffId } from '../snapshots.ts';

/** A blob of an image. `path` is where the content store has it, unless it was dropped: `Rebuilt.open` finds both. */
export interface StoredBlob {
  readonly digest: Digest;
  readonly path: string;
  readonly sizeBytes: number;
}

export interface StoredLayer extends StoredBlob {
  readonly diffId: DiffId;
  readonly compression: Compression;
}

type Store = Pick<StoreParts, 'catalog' | 'content' | 'recipes'>;

/**
 * The blobs of an image's layers, lowest first, kept or dropped. Throws `unavailable` for one that is not there.
 */
export async function storedLayers(
  { catalog, content, recipes }: Store,
  image: Image,
): Promise<StoredLayer[]> {
  const count = image.diffIds.length;
  const digests = count === 0 ? [] : catalog.blobs(image.id).slice(-count);
  return Promise.all(
    digests.map(async (digest, index) => {
      const path = content.path(digest);
      const diffId = image.diffIds[index] ?? (digest as string as DiffId);
      const recipe = content.size(digest) === undefined ? recipes.get(digest) : undefined;
      if (recipe !== undefined) {
        const { blobBytes: sizeBytes, recompression } = recipe;
        return { digest, diffId, path, sizeBytes, compression: recompression.kind };
      }
      const { sizeBytes, head } = await look(path, `layer ${digest} of image ${image.id}`);
      return { digest, diffId, path, sizeBytes, compression: compressionOf(head) };
    }),
  );
}

export async function storedConfig({ content }: Pick<Store, 'content'>, image: Image): Promise<StoredBlob> {
  const digest = image.id as string as Digest;
  const path = content.path(digest);
  const { sizeBytes } = await look(path, `configuration of image ${image.id}`);
  return { digest, path, sizeBytes };
}

async function look(path: string, what: string): Promise<{ sizeBytes: number; head: Uint8Array }> {
  try {
    return await patiently(path, async () => {
      await using file = await open(path);
      const { size: sizeBytes } = await file.stat();
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
      return { sizeBytes, head: buffer.subarray(0, bytesRead) };
    });
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    throw new WherryError('unavailable', `Cannot read the ${what}: its blob is not kept in the store`, {
      cause: error,
    });
  }
}
