import { join } from 'node:path';
import { writeFile } from '../../common/patient-fs.ts';
import type { Ctx } from '../../common/ctx.ts';
import { failpoint } from '../../common/failpoints.ts';
import type { ArchiveFile } from '../archive/members.ts';
import type { PlannedImage } from '../archive/planned.ts';
import { parseConfig } from '../config.ts';
import { chainIds, sha256, type Digest } from '../digest.ts';
import type { StoreParts } from '../parts.ts';
import { familiar, type Reference } from '../reference.ts';
import type { DiffId, ImageId } from '../snapshots.ts';
import type { LayerBlob } from '../workers/jobs.ts';

/** An image that was made here: the layers of another one, which the caller holds, and perhaps one of its own on top. */
export interface NewImage {
  /** Of the content store's `ingest`. */
  readonly directory: string;
  /** The image configuration, whose `rootfs` lists the layers. */
  readonly config: object;
  readonly below: readonly Digest[];
  readonly layer: { readonly file: string; readonly blob: LayerBlob } | undefined;
  readonly name: Reference | undefined;
}

/** Unpacks the layer, moves the blobs to their places, waits for the disk, and publishes the image with its name. */
export async function publishImage(parts: StoreParts, ctx: Ctx, image: NewImage): Promise<ImageId> {
  const planned = await plan(parts, image);
  const chains = chainIds(planned.config.diffIds);
  const files = [planned.configFile, ...(image.layer === undefined ? [] : planned.layers.slice(-1))];
  const { content, layers, directories, workers } = parts;
  try {
    using _blobs = content.hold([...image.below, ...files.map(({ digest }) => digest)]);
    using _chains = layers.hold(chains);
    const chain = chains.at(-1);
    if (image.layer !== undefined && chain !== undefined) {
      const { file, blob } = image.layer;
      const diffId = blob.diffId as DiffId;
      await layers.ensure(ctx, { chain, parent: chains.at(-2), diffId, blob: file });
    }
    for (const { path, digest } of files) await content.adopt(ctx, path, digest);
    for (const path of [content.root, directories.root]) await workers.run(ctx, { kind: 'sync', path });
    await failpoint('image.synced');
    parts.catalog.add([planned]);
  } finally {
    // After a failure all of it; after a success, blobs of an image that was there already.
    await parts.collect(ctx);
  }
  return planned.id;
}

/** Docker's event for a name that an image got. */
export function announceName({ onEvent }: StoreParts, id: ImageId, name: Reference | undefined): void {
  if (name !== undefined) onEvent('tag', id, familiar(name));
}

async function plan(
  { content }: StoreParts,
  { directory, config, below, layer, name }: NewImage,
): Promise<PlannedImage> {
  const configText = JSON.stringify(config);
  const path = join(directory, 'config');
  await writeFile(path, configText, { mode: 0o600, flag: 'wx' });
  const digest = sha256(configText);
  // Of the layers below only the digests count: their blobs may be gone.
  const old = below.map((known): ArchiveFile => ({ path: content.path(known), digest: known, sizeBytes: 0 }));
  const own = layer === undefined ? [] : [asFile(layer)];
  return {
    id: digest as string as ImageId,
    configText,
    config: parseConfig(configText),
    configFile: { path, digest, sizeBytes: Buffer.byteLength(configText) },
    layers: [...old, ...own],
    names: name === undefined ? [] : [name],
    manifest: undefined,
  };
}

const asFile = ({ file, blob }: NonNullable<NewImage['layer']>): ArchiveFile => ({
  path: file,
  digest: blob.digest as Digest,
  sizeBytes: blob.sizeBytes,
});
