import type { Digest } from '../digest.ts';
import { OCI_INDEX } from '../manifest.ts';
import type { Manifest } from '../registry/contract.ts';
import { complete, familiar, familiarName } from '../reference.ts';
import type { Chosen } from './choose.ts';
import { layerDescriptor } from './manifest.ts';
import type { StoredBlob, StoredLayer } from './stored.ts';

/** An image to save, and the blobs that it consists of. */
export interface SavedImage extends Chosen {
  readonly config: StoredBlob;
  readonly layers: readonly StoredLayer[];
  readonly manifest: Manifest;
}

/** A file of the archive: a blob of the store, or what was made for it. */
export interface Member {
  readonly name: string;
  readonly content: StoredBlob | Uint8Array;
}

/**
 * The files of the archive that docker 25 and later write, sorted by name and each once, whatever the images share: an OCI layout
 * (image-spec image-layout.md), with `manifest.json` and `repositories` for older readers. Layers are compressed or not, as they
 * are stored: all readers look at the bytes, and so the digests of manifests stay.
 */
export function archiveMembers(images: readonly SavedImage[]): Member[] {
  const blobs = new Map<Digest, Member['content']>();
  for (const { config, layers, manifest } of images) {
    for (const blob of [config, ...layers]) blobs.set(blob.digest, blob);
    blobs.set(manifest.descriptor.digest, manifest.bytes);
  }
  const repositories = legacyRepositories(images);
  const members: Member[] = [
    ...[...blobs].map(([digest, content]) => ({ name: blobName(digest), content })),
    json('index.json', layoutIndex(images)),
    json(
      'manifest.json',
      images.map((image) => manifestItem(image)),
    ),
    json('oci-layout', { imageLayoutVersion: '1.0.0' }),
    ...(Object.keys(repositories).length === 0 ? [] : [json('repositories', repositories)]),
  ];
  return members.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const blobName = (digest: Digest): string => `blobs/${digest.replace(':', '/')}`;

const json = (name: string, value: unknown): Member => ({
  name,
  content: Buffer.from(JSON.stringify(value)),
});

/** One descriptor for each name: containerd reads the whole name, skopeo and podman the tag. */
function layoutIndex(images: readonly SavedImage[]): unknown {
  const manifests = images.flatMap(({ image, manifest, names }) => {
    const platform = {
      architecture: image.architecture,
      os: image.os,
      ...(image.variant === undefined ? {} : { variant: image.variant }),
    };
    const { mediaType, digest, size } = manifest.descriptor;
    const descriptor = { mediaType, digest, size };
    if (names.length === 0) return [{ ...descriptor, platform }];
    return names.map((name) => {
      const annotations = {
        'io.containerd.image.name': complete(name),
        'org.opencontainers.image.ref.name': name.tag,
      };
      return { ...descriptor, annotations, platform };
    });
  });
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
}

/**
 * `LayerSources` holds layers that are stored as they unpack: docker keeps these descriptors, and would write a digest that it
 * does not have, if one were that of a compressed blob.
 */
function manifestItem({ config, layers, names }: SavedImage): unknown {
  const plain = layers.filter(({ compression }) => compression === 'none');
  const sources = Object.fromEntries(plain.map((layer) => [layer.diffId, layerDescriptor(layer)]));
  return {
    Config: blobName(config.digest),
    RepoTags: names.length === 0 ? null : names.map((name) => familiar(name)),
    Layers: layers.map(({ digest }) => blobName(digest)),
    ...(plain.length === 0 ? {} : { LayerSources: sources }),
  };
}

/** What docker before version 1.10 read. */
function legacyRepositories(images: readonly SavedImage[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { image, names } of images) {
    const top = (image.diffIds.at(-1) ?? image.id).slice('sha256:'.length);
    for (const name of names) {
      (repositories[familiarName(name.name)] ??= {})[name.tag ?? ''] = top;
    }
  }
  return repositories;
}
