import type { Ctx } from '../../common/ctx.ts';
import { internal } from '../../common/errors.ts';
import { readChunks } from '../../common/patient-fs.ts';
import { holdImages } from '../hold-images.ts';
import type { ImageId } from '../snapshots.ts';
import type { StoreParts } from '../parts.ts';
import { TAR_END, tarHeader, tarPadding } from '../tar/writer.ts';
import { chooseImages, type Chosen } from './choose.ts';
import { keptManifest, ociManifest } from './manifest.ts';
import { archiveMembers, type Member, type SavedImage } from './members.ts';
import { storedConfig, storedLayers, type StoredBlob } from './stored.ts';

const EPOCH = { seconds: 0, nanoseconds: 0 };

export interface SaveRequest {
  readonly references: readonly string[];
  readonly platform: string | undefined;
}

/**
 * `Archives.save`. All that can be wrong is found before this returns, but for a dropped blob that can't be made again, which ends the
 * archive early; what comes after is read as fast as it is taken, and only
 * one chunk of it is in memory. The same images give the same bytes. Nothing of them is removed until the reading has ended, or ctx.
 */
export async function saveImages(
  parts: StoreParts,
  ctx: Ctx,
  { references, platform }: SaveRequest,
): Promise<AsyncIterable<Uint8Array>> {
  // Held before anything is waited for: as long as it is in the catalogue, no removal has begun.
  const chosen = chooseImages(parts.catalog, references, platform);
  const held = holdDuring(
    ctx,
    parts,
    chosen.map(({ image }) => image.id),
  );
  try {
    const images = await Promise.all(chosen.map((image) => plan(parts, image)));
    return closing(archive(parts, ctx, { images, held }), held);
  } catch (error) {
    await held.disposeAsync();
    throw error;
  }
}

/** Whoever asked may never read. */
function holdDuring(ctx: Ctx, parts: StoreParts, ids: readonly ImageId[]): AsyncDisposableStack {
  const held = holdImages(ctx, parts, ids);
  const letGo = (): void => void held.disposeAsync();
  ctx.signal.addEventListener('abort', letGo, { once: true });
  held.defer(() => ctx.signal.removeEventListener('abort', letGo));
  return held;
}

/** A generator that nobody has stepped runs nothing when it is ended. */
const closing = <T>(source: AsyncGenerator<T>, held: AsyncDisposableStack): AsyncIterable<T> => ({
  [Symbol.asyncIterator]: () => ({
    next: () => source.next(),
    return: async () => {
      const last = await source.return(undefined);
      await held.disposeAsync();
      return last;
    },
  }),
});

async function plan(parts: StoreParts, { image, names }: Chosen): Promise<SavedImage> {
  const [config, layers] = await Promise.all([storedConfig(parts, image), storedLayers(parts, image)]);
  const manifest = (await keptManifest(parts.content, image.descriptor)) ?? ociManifest(config, layers);
  return { image, names, config, layers, manifest };
}

async function* archive(
  parts: StoreParts,
  ctx: Ctx,
  { images, held }: { readonly images: readonly SavedImage[]; readonly held: AsyncDisposableStack },
): AsyncGenerator<Uint8Array> {
  await using _ = held;
  ctx.check();
  for (const name of ['blobs/', 'blobs/sha256/']) {
    yield tarHeader({ type: 'directory', name, mode: 0o755, uid: 0, gid: 0, mtime: EPOCH });
  }
  for (const member of archiveMembers(images)) yield* write(parts, ctx, member);
  yield TAR_END;
  for (const { image } of images) parts.onEvent('save', image.id, image.id);
}

async function* write(parts: StoreParts, ctx: Ctx, { name, content }: Member): AsyncGenerator<Uint8Array> {
  const size = content instanceof Uint8Array ? content.byteLength : content.sizeBytes;
  yield tarHeader({ type: 'file', name, size, mode: 0o644, uid: 0, gid: 0, mtime: EPOCH });
  if (content instanceof Uint8Array) yield content;
  else yield* read(parts, ctx, content);
  const padding = tarPadding(size);
  if (padding.byteLength > 0) yield padding;
}

/** Exactly as many bytes as the header says, or an error. */
async function* read({ rebuilt }: StoreParts, ctx: Ctx, blob: StoredBlob): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  await using file = await rebuilt.open(ctx, blob.digest);
  for await (const chunk of readChunks(file.path)) {
    ctx.check();
    bytes += chunk.byteLength;
    yield chunk;
  }
  if (bytes === blob.sizeBytes) return;
  throw internal(`Cannot save blob ${blob.digest}: it has ${bytes} bytes, not ${blob.sizeBytes}`);
}
