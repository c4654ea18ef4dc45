import { WherryError } from '../../common/errors.ts';
import type { Compression } from '../compression.ts';
import { isDigest, type Digest } from '../digest.ts';
import type { Image } from '../images.ts';
import { asList, asObject, asString, asStrings, parseJson } from '../json.ts';
import { DOCKER_CONFIG, DOCKER_MANIFEST } from '../manifest.ts';
import type { StoreParts } from '../parts.ts';
import type { Descriptor, Manifest } from '../registry/contract.ts';
import { describe, keptManifest, ociManifest } from '../save/manifest.ts';
import { storedConfig, storedLayers, type StoredBlob, type StoredLayer } from '../save/stored.ts';
import { completeIndex } from './complete-index.ts';

/** A blob to push. */
export interface PushBlob {
  readonly blob: StoredBlob;
  readonly mediaType: string;
  /** For progress: 12 hex digits, docker's are those of the diff id. */
  readonly id: string;
  /** It is plain, or in a format that not every reader knows, and goes in gzip. */
  readonly compress: boolean;
  /** Where it is to be had instead: such layers may not be pushed. */
  readonly isForeign: boolean;
}

/** A manifest and what it refers to. */
export interface Bundle {
  readonly config: PushBlob;
  /** Lowest first. */
  readonly layers: readonly PushBlob[];
  /** `sent` tells what became of a layer. */
  readonly manifest: (sent: (layer: PushBlob) => Descriptor) => Manifest;
}

/** What a tag pushes: one image, or all of an index. */
export interface PushPlan {
  readonly bundles: readonly Bundle[];
  readonly index: Manifest | undefined;
}

type Store = Pick<StoreParts, 'catalog' | 'content' | 'recipes' | 'rebuilt'>;

/**
 * The index that the image came with when all of it is here and `single` is false; else the manifest that it came with; else one is
 * made. A manifest of plain layers that no registry has seen is made anew, with compressed ones: docker's archives hold such.
 */
export async function planPush(store: Store, image: Image, single: boolean): Promise<PushPlan> {
  const index = single ? undefined : await completeIndex(store, image);
  if (index !== undefined) {
    const bundles = index.manifests.map((manifest) => keptBundle(store, manifest));
    return { bundles, index: index.manifest };
  }
  const kept = await keptManifest(store.content, image.descriptor);
  const bundle =
    kept !== undefined && (isPublished(image, kept) || !(await needsGzip(store, image)))
      ? keptBundle(store, kept, image.diffIds)
      : madeBundle(await storedConfig(store, image), await storedLayers(store, image));
  return { bundles: [bundle], index: undefined };
}

/** Digests of all that the plan reads. */
export const blobsOf = ({ bundles }: PushPlan): Digest[] =>
  bundles.flatMap(({ config, layers }) => [config, ...layers].map(({ blob }) => blob.digest));

const isPublished = (image: Image, { descriptor }: Manifest): boolean =>
  image.digests.some((name) => name.endsWith(`@${descriptor.digest}`));

/** What all readers of a registry know. */
const PUSHED: ReadonlySet<Compression> = new Set(['gzip', 'zstd']);

const needsGzip = async (store: Store, image: Image): Promise<boolean> =>
  (await storedLayers(store, image)).some(({ compression }) => !PUSHED.has(compression));

function madeBundle(config: StoredBlob, layers: readonly StoredLayer[]): Bundle {
  const isDocker = layers.every(({ compression }) => compression !== 'zstd');
  const blobs = layers.map((layer): PushBlob & { readonly layer: StoredLayer } => ({
    layer,
    blob: layer,
    mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    id: shortId(layer.diffId),
    compress: !PUSHED.has(layer.compression),
    isForeign: false,
  }));
  return {
    config: configBlob(config),
    layers: blobs,
    manifest: (sent) => {
      if (isDocker) return dockerManifest(config, blobs.map(sent));
      const parts = blobs.map((item) => {
        const { digest, size } = sent(item);
        const compression = item.compress ? ('gzip' as const) : item.layer.compression;
        return { compression, digest, sizeBytes: size };
      });
      return ociManifest(config, parts);
    },
  };
}

const configBlob = (blob: StoredBlob): PushBlob => ({
  blob,
  mediaType: DOCKER_CONFIG,
  id: shortId(blob.digest),
  compress: false,
  isForeign: false,
});

/** Docker's schema 2, written as docker writes it. */
function dockerManifest(config: StoredBlob, layers: readonly Descriptor[]): Manifest {
  const document = {
    schemaVersion: 2,
    mediaType: DOCKER_MANIFEST,
    config: {
      mediaType: DOCKER_CONFIG,
      size: config.sizeBytes,
      digest: config.digest,
    },
    layers: layers.map(({ mediaType, size, digest }) => ({ mediaType, size, digest })),
  };
  return describe(DOCKER_MANIFEST, Buffer.from(JSON.stringify(document, null, 3)));
}

/** A manifest that goes byte by byte. `diffIds` give its layers docker's ids. */
function keptBundle({ content }: Store, manifest: Manifest, diffIds: readonly string[] = []): Bundle {
  const what = `manifest ${manifest.descriptor.digest}`;
  const document = asObject(parseJson(Buffer.from(manifest.bytes).toString(), what), what);
  const blobOf = (value: unknown, id?: string): PushBlob => {
    const { mediaType, digest, size, urls } = asObject(value, what);
    if (!isDigest(digest) || typeof size !== 'number') throw damaged(what);
    return {
      blob: { digest, sizeBytes: size, path: content.path(digest) },
      mediaType: asString(mediaType, what),
      id: shortId(id ?? digest),
      compress: false,
      isForeign: asStrings(urls, what).length > 0,
    };
  };
  return {
    config: blobOf(document['config']),
    layers: asList(document['layers'], what).map((value, index) => blobOf(value, diffIds[index])),
    manifest: () => manifest,
  };
}

const shortId = (digest: Digest | string): string => digest.slice('sha256:'.length).slice(0, 12);

const damaged = (what: string): Error => new WherryError('internal', `Cannot push: the ${what} is damaged`);
