import type { Readable } from 'node:stream';
import type { Ctx } from '../common/ctx.ts';
import { failpoint } from '../common/failpoints.ts';
import { planArchive } from './archive/docker-archive.ts';
import type { ArchiveFile } from './archive/members.ts';
import type { PlannedImage } from './archive/planned.ts';
import { chainIds } from './digest.ts';
import type { Image } from './images.ts';
import type { StoreParts } from './parts.ts';
import { familiar } from './reference.ts';

/**
 * Loads every image of an archive, or none. Spools it into files, checks what they say, unpacks layers by chain id, moves blobs to
 * their places, waits for the disk, and then publishes all images in one transaction.
 */
export async function loadArchive(
  parts: StoreParts,
  { ctx, archive, progress }: { ctx: Ctx; archive: Readable; progress: (text: string) => void },
): Promise<Image[]> {
  await using incoming = await parts.content.ingest();
  const { directory } = incoming;
  // The stream is the caller's: it may still have an answer to send on it.
  const input = archive.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  const spooled = await parts.spoolers.run(ctx, { kind: 'spool', directory }, input);
  await failpoint('load.spooled');
  const planned = await planArchive(spooled);
  try {
    using _blobs = parts.content.hold(planned.flatMap((image) => filesOf(image)).map(({ digest }) => digest));
    using _chains = parts.layers.hold(planned.flatMap(({ config }) => chainIds(config.diffIds)));
    for (const image of planned) await unpackImage(parts, ctx, image);
    await adoptBlobs(parts, ctx, planned);
    await syncToDisk(parts, ctx);
    await failpoint('load.synced');
    return publish(parts, planned, progress);
  } finally {
    // After a failure all of it; after a success, blobs of an image that was there already with others.
    await parts.collect(ctx);
  }
}

/** All layers at once; returns when none is under way any more, also after a failure. */
async function unpackImage({ layers }: StoreParts, ctx: Ctx, image: PlannedImage): Promise<void> {
  const { diffIds } = image.config;
  const unpacked = chainIds(diffIds).map(async (chain, index, chains) => {
    const [diffId, file] = [diffIds[index], image.layers[index]];
    if (diffId === undefined || file === undefined) return;
    await layers.ensure(ctx, { chain, parent: chains[index - 1], diffId, blob: file.path });
  });
  const settled = await Promise.allSettled(unpacked);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** After unpacking: until then the spooled files are read. */
async function adoptBlobs(
  { content }: StoreParts,
  ctx: Ctx,
  planned: readonly PlannedImage[],
): Promise<void> {
  const files = planned.flatMap((image) => filesOf(image));
  for (const { path, digest } of files) await content.adopt(ctx, path, digest);
}

const filesOf = ({ configFile, layers, manifest }: PlannedImage): ArchiveFile[] => [
  configFile,
  ...layers,
  ...(manifest === undefined ? [] : [manifest.file]),
];

/** One flush for all blobs and layers: rows must not survive a power cut that what they own does not survive. */
async function syncToDisk({ content, directories, workers }: StoreParts, ctx: Ctx): Promise<void> {
  for (const path of [content.root, directories.root]) await workers.run(ctx, { kind: 'sync', path });
}

function publish(
  parts: StoreParts,
  planned: readonly PlannedImage[],
  progress: (text: string) => void,
): Image[] {
  const renamed = planned.flatMap((image) => image.names.flatMap((name) => takenFrom(parts, image, name)));
  parts.catalog.add(planned);
  for (const text of renamed) progress(text);
  for (const { id } of planned) parts.onEvent('load', id, id);
  const named = planned.flatMap(({ names }) => names.map((name) => `Loaded image: ${familiar(name)}\n`));
  const unnamed = planned
    .filter(({ names }) => names.length === 0)
    .map(({ id }) => `Loaded image ID: ${id}\n`);
  for (const text of [...named, ...unnamed]) progress(text);
  return planned.flatMap(({ id }) => parts.catalog.get(id) ?? []);
}

/** Docker says so when a name moves to another image. */
function takenFrom(parts: StoreParts, image: PlannedImage, name: PlannedImage['names'][number]): string[] {
  const before = parts.catalog.named(name);
  if (before === undefined || before.id === image.id) return [];
  return [
    `The image ${familiar(name)} already exists, renaming the old one with ID ${before.id} to empty string\n`,
  ];
}
