import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Ctx } from '../../common/ctx.ts';
import { internal, WherryError } from '../../common/errors.ts';
import { isErrno } from '../../native/sys/files.ts';
import type { StoreParts } from '../parts.ts';
import { TAR_END, tarHeader, tarPadding } from '../tar/writer.ts';
import { chooseImages, type Chosen } from './choose.ts';
import { keptManifest, ociManifest } from './manifest.ts';
import { archiveMembers, type Member, type SavedImage } from './members.ts';
import { storedConfig, storedLayers, type StoredBlob } from './stored.ts';

const CHUNK_BYTES = 256 * 1024;
const EPOCH = { seconds: 0, nanoseconds: 0 };

export interface SaveRequest {
  readonly references: readonly string[];
  readonly platform: string | undefined;
}

/**
 * `Archives.save`. All that can be wrong is found before this returns; what comes after is read as fast as it is taken, and only
 * one chunk of it is in memory. The same images give the same bytes.
 */
export async function saveImages(
  parts: StoreParts,
  ctx: Ctx,
  { references, platform }: SaveRequest,
): Promise<AsyncIterable<Uint8Array>> {
  const chosen = chooseImages(parts.catalog, references, platform);
  const images = await Promise.all(chosen.map((image) => plan(parts, image)));
  return archive(parts, ctx, images);
}

async function plan(parts: StoreParts, { image, names }: Chosen): Promise<SavedImage> {
  const [config, layers] = await Promise.all([storedConfig(parts, image), storedLayers(parts, image)]);
  const manifest = (await keptManifest(parts.content, image.descriptor)) ?? ociManifest(config, layers);
  return { image, names, config, layers, manifest };
}

/** Holds the blobs from its first step on: one that nobody ever steps holds nothing. */
async function* archive(
  parts: StoreParts,
  ctx: Ctx,
  images: readonly SavedImage[],
): AsyncGenerator<Uint8Array> {
  const members = archiveMembers(images);
  const blobs = members.flatMap(({ content }) => (content instanceof Uint8Array ? [] : [content]));
  using _ = parts.content.hold(blobs.map(({ digest }) => digest));
  for (const blob of blobs) await requireBlob(blob);
  for (const name of ['blobs/', 'blobs/sha256/']) {
    yield tarHeader({ type: 'directory', name, mode: 0o755, uid: 0, gid: 0, mtime: EPOCH });
  }
  for (const member of members) yield* write(ctx, member);
  yield TAR_END;
  for (const { image } of images) parts.onEvent('save', image.id, image.id);
}

async function* write(ctx: Ctx, { name, content }: Member): AsyncGenerator<Uint8Array> {
  const size = content instanceof Uint8Array ? content.byteLength : content.sizeBytes;
  yield tarHeader({ type: 'file', name, size, mode: 0o644, uid: 0, gid: 0, mtime: EPOCH });
  if (content instanceof Uint8Array) yield content;
  else yield* read(ctx, content);
  const padding = tarPadding(size);
  if (padding.byteLength > 0) yield padding;
}

/** Exactly as many bytes as the header says, or an error. */
async function* read(ctx: Ctx, blob: StoredBlob): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  const stream = createReadStream(blob.path, { highWaterMark: CHUNK_BYTES });
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      ctx.check();
      bytes += chunk.byteLength;
      yield chunk;
    }
  } catch (error) {
    // A removal that had begun when the blobs were held comes to its end.
    throw isErrno(error, 'ENOENT') ? removed(blob.digest, error) : error;
  }
  if (bytes === blob.sizeBytes) return;
  throw internal(`Cannot save blob ${blob.digest}: it has ${bytes} bytes, not ${blob.sizeBytes}`);
}

/** Its image may have been removed since it was planned. */
async function requireBlob({ path, digest }: StoredBlob): Promise<void> {
  try {
    await stat(path);
  } catch (cause) {
    throw removed(digest, cause);
  }
}

const removed = (digest: string, cause: unknown): WherryError =>
  new WherryError('unavailable', `Cannot save blob ${digest}: its image was removed`, { cause });
