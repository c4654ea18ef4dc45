import { pipeline, Readable } from 'node:stream';
import { compressionOf, decompressor } from '../../../image/compression.ts';
import { sha256 } from '../../../image/digest.ts';
import { INDEXES, MANIFESTS } from '../../../image/manifest.ts';
import type { Descriptor, Platform } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { blobJson, readBlob } from '../content/read.ts';
import { writeBlob, writeHashed } from '../content/write.ts';
import { compactJson } from '../go-json.ts';
import { platformMatches } from './documents.ts';
import { Content } from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';

export interface Conversion {
  /** Layers become plain tar archives. */
  readonly uncompress: boolean;
  /** Docker's media types become OCI's. */
  readonly oci: boolean;
  /** What an index names of others is left out; undefined for all. */
  readonly platforms: readonly Platform[] | undefined;
}

/** A document as it is in the store; what is not changed stays, whatever it is. */
interface Document {
  mediaType?: string;
  config?: Descriptor;
  layers?: readonly Descriptor[];
  manifests?: readonly Descriptor[];
  [name: string]: unknown;
}

const DOCKER = 'application/vnd.docker.';
const LAYER = /^application\/vnd\.(docker\.image\.rootfs|oci\.image\.layer)\./;

const OCI_TYPES: Readonly<Record<string, string>> = {
  'application/vnd.docker.distribution.manifest.list.v2+json': 'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json': 'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.container.image.v1+json': 'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.image.rootfs.diff.tar': 'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.docker.image.rootfs.foreign.diff.tar':
    'application/vnd.oci.image.layer.nondistributable.v1.tar',
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip':
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
};

/**
 * Writes what has to change of an image, its documents last, and returns what names it then; the same descriptor where nothing
 * has to. New blobs have the labels of those that they were made of, and refer to their new children.
 */
export async function convertTree(
  containerd: Containerd,
  descriptor: Descriptor,
  conversion: Conversion,
): Promise<Descriptor> {
  const made = await convertBlob(containerd, descriptor, conversion);
  const mediaType = conversion.oci ? (OCI_TYPES[made.mediaType] ?? made.mediaType) : made.mediaType;
  return mediaType === made.mediaType ? made : { ...made, mediaType };
}

function convertBlob(
  containerd: Containerd,
  descriptor: Descriptor,
  conversion: Conversion,
): Promise<Descriptor> {
  const { mediaType } = descriptor;
  if (INDEXES.has(mediaType)) return convertIndex(containerd, descriptor, conversion);
  if (MANIFESTS.has(mediaType)) return convertManifest(containerd, descriptor, conversion);
  if (LAYER.test(mediaType) && conversion.uncompress) return uncompress(containerd, descriptor);
  return Promise.resolve(descriptor);
}

async function convertIndex(
  containerd: Containerd,
  descriptor: Descriptor,
  conversion: Conversion,
): Promise<Descriptor> {
  const source = await read(containerd, descriptor);
  const { document, labels } = source;
  const isWanted = ({ platform }: Descriptor): boolean =>
    platform === undefined ||
    conversion.platforms === undefined ||
    conversion.platforms.some((each) => platformMatches(each, platform));
  const manifests: Descriptor[] = [];
  for (const [at, manifest] of (document.manifests ?? []).entries()) {
    const label = `${REFERENCE}m.${at}`;
    if (!isWanted(manifest)) {
      delete labels[label];
      continue;
    }
    manifests.push(await convertChild(containerd, { child: manifest, label, labels }, conversion));
  }
  return write(containerd, source, withType({ ...document, manifests }, conversion));
}

const REFERENCE = 'containerd.io/gc.ref.content.';

/** The label, by which what holds the child keeps it, leads to what became of it. */
async function convertChild(
  containerd: Containerd,
  {
    child,
    label,
    labels,
  }: { readonly child: Descriptor; readonly label: string; readonly labels: Record<string, string> },
  conversion: Conversion,
): Promise<Descriptor> {
  const made = await convertTree(containerd, child, conversion);
  if (made !== child) labels[label] = made.digest;
  return made;
}

async function convertManifest(
  containerd: Containerd,
  descriptor: Descriptor,
  conversion: Conversion,
): Promise<Descriptor> {
  const source = await read(containerd, descriptor);
  const { document, labels } = source;
  const layers: Descriptor[] = [];
  for (const [at, layer] of (document.layers ?? []).entries()) {
    const label = `${REFERENCE}l.${at}`;
    layers.push(await convertChild(containerd, { child: layer, label, labels }, conversion));
  }
  const label = `${REFERENCE}config`;
  const config =
    document.config &&
    (await convertChild(containerd, { child: document.config, label, labels }, conversion));
  const changed = { ...document, ...(config === undefined ? {} : { config }), layers };
  return write(containerd, source, withType(changed, conversion));
}

function withType(document: Document, { oci }: Conversion): Document {
  const { mediaType = '' } = document;
  return oci && mediaType.startsWith(DOCKER)
    ? { ...document, mediaType: OCI_TYPES[mediaType] ?? mediaType }
    : document;
}

interface Source {
  readonly descriptor: Descriptor;
  readonly document: Document;
  /** Those that what is made of it gets. */
  readonly labels: Record<string, string>;
}

async function read(containerd: Containerd, descriptor: Descriptor): Promise<Source> {
  const { digest } = descriptor;
  const [document, { info }] = await Promise.all([
    blobJson(containerd, digest),
    containerd.service(Content).info({ digest }),
  ]);
  return { descriptor, document: document as Document, labels: { ...info?.labels } };
}

/** Writes a document unless it says what its source said. */
async function write(
  containerd: Containerd,
  { descriptor, document: before, labels }: Source,
  document: Document,
): Promise<Descriptor> {
  if (JSON.stringify(before) === JSON.stringify(document)) return descriptor;
  const bytes = Buffer.from(compactJson(inOrder(document)));
  const digest = sha256(bytes);
  const ref = `convert-write-${descriptor.digest}-to-${digest}`;
  await writeBlob(containerd, [bytes], { ref, size: bytes.length, expected: digest, labels });
  return { ...descriptor, digest, size: bytes.length };
}

const DOCUMENT_ORDER = ['schemaVersion', 'mediaType', 'config', 'layers', 'manifests'];
const DESCRIPTOR_ORDER = ['mediaType', 'digest', 'size', 'urls', 'annotations', 'data', 'platform'];

/** The order in which containerd writes a document's members: so both make the same of the same image. */
function inOrder({ config, layers, manifests, ...rest }: Document): Document {
  return sorted(
    {
      ...rest,
      ...(config === undefined ? {} : { config: sorted(config, DESCRIPTOR_ORDER) }),
      ...(layers === undefined ? {} : { layers: layers.map((each) => sorted(each, DESCRIPTOR_ORDER)) }),
      ...(manifests === undefined
        ? {}
        : { manifests: manifests.map((each) => sorted(each, DESCRIPTOR_ORDER)) }),
    },
    DOCUMENT_ORDER,
  );
}

function sorted<T extends object>(value: T, order: readonly string[]): T {
  const rank = ([name]: readonly [string, unknown]): number =>
    order.includes(name) ? order.indexOf(name) : order.length;
  return Object.fromEntries(Object.entries(value).toSorted((a, b) => rank(a) - rank(b))) as T;
}

async function uncompress(containerd: Containerd, layer: Descriptor): Promise<Descriptor> {
  const mediaType = layer.mediaType.replace(/[.+](gzip|zstd)$/, '');
  if (mediaType === layer.mediaType) return layer;
  const { info } = await containerd.service(Content).info({ digest: layer.digest });
  const { 'containerd.io/uncompressed': _, ...labels } = info?.labels ?? {};
  const ref = `convert-uncompress-from-${layer.digest}`;
  const blob = await writeHashed(containerd, plainBytes(readBlob(containerd, layer.digest)), { ref, labels });
  return { ...layer, mediaType, ...blob };
}

async function* plainBytes(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const parts = source[Symbol.asyncIterator]();
  const first = await parts.next();
  if (first.done === true) return;
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    yield first.value;
    for (let next = await parts.next(); next.done !== true; next = await parts.next()) yield next.value;
  };
  const compression = compressionOf(first.value);
  if (compression === 'bzip2' || compression === 'xz')
    throw new Error(`a layer compressed by ${compression} cannot be converted`);
  const through = decompressor(compression);
  // An error of either comes out of the iteration.
  yield* through === undefined ? whole() : pipeline(Readable.from(whole()), through, () => undefined);
}
