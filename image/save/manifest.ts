import { readFile } from '../../common/patient-fs.ts';
import { isErrno } from '../../native/sys/files.ts';
import { sha256, type Digest } from '../digest.ts';
import type { Compression } from '../compression.ts';
import type { Image } from '../images.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../manifest.ts';
import type { StoreParts } from '../parts.ts';
import type { Manifest } from '../registry/contract.ts';
import type { StoredBlob, StoredLayer } from './stored.ts';

const OCI_LAYERS: Readonly<Record<Compression, string>> = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  // image-spec has no types for these. Docker and podman go by the bytes.
  bzip2: 'application/vnd.oci.image.layer.v1.tar',
  xz: 'application/vnd.oci.image.layer.v1.tar',
};

/** As a descriptor says it (image-spec layer.md). */
export const layerDescriptor = ({
  compression,
  digest,
  sizeBytes,
}: Omit<StoredLayer, 'diffId' | 'path'>) => ({
  mediaType: OCI_LAYERS[compression],
  digest,
  size: sizeBytes,
});

/** The manifest that an image came with, byte by byte; undefined when it came without, or it is not kept. */
export async function keptManifest(
  content: StoreParts['content'],
  descriptor: Image['descriptor'],
): Promise<Manifest | undefined> {
  if (descriptor === undefined) return undefined;
  const digest = descriptor.digest as Digest;
  try {
    const { mediaType, size } = descriptor;
    return { descriptor: { mediaType, digest, size }, bytes: await readFile(content.path(digest)) };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** An OCI manifest of these blobs. The same blobs give the same bytes. */
export function ociManifest(
  config: StoredBlob,
  layers: readonly Omit<StoredLayer, 'diffId' | 'path'>[],
): Manifest {
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: {
      mediaType: OCI_CONFIG,
      digest: config.digest,
      size: config.sizeBytes,
    },
    layers: layers.map((layer) => layerDescriptor(layer)),
  };
  return describe(OCI_MANIFEST, Buffer.from(JSON.stringify(document)));
}

export const describe = (mediaType: string, bytes: Uint8Array): Manifest => ({
  descriptor: { mediaType, digest: sha256(bytes), size: bytes.byteLength },
  bytes,
});
