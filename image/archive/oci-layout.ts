import { arch } from 'node:process';
import { invalidArgument, WherryError } from '../../common/errors.ts';
import { isDigest, type Digest } from '../digest.ts';
import { asList, asObject, asString, asStringMap, optionalString, type JsonObject } from '../json.ts';
import { parseReference, withDefaultTag, type Reference } from '../reference.ts';
import type { SpooledArchive } from '../workers/jobs.ts';
import { findFile, getFile, readDocument, type ArchiveFile } from './members.ts';
import { planImage, type PlannedImage } from './planned.ts';

const MANIFESTS = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);
const INDEXES = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
const CONFIGS = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);
/** An index in an index in an index: nobody nests deeper. */
const MAX_NESTING = 4;
const ARCHITECTURE = arch === 'x64' ? 'amd64' : arch;

interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform: { readonly os: string; readonly architecture: string } | undefined;
}

/** A manifest of a layout, with the names that the way to it gave it. */
export interface LayoutManifest {
  readonly descriptor: Descriptor;
  readonly file: ArchiveFile;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly names: readonly Reference[];
}

/** Every image of an OCI layout (image-spec image-layout.md). Throws `invalid-argument`. */
export async function planLayout(archive: SpooledArchive): Promise<PlannedImage[]> {
  const planned: PlannedImage[] = [];
  for (const manifest of await layoutManifests(archive)) {
    if (!CONFIGS.has(manifest.config.mediaType)) {
      throw invalidArgument(
        `invalid manifest ${manifest.descriptor.digest}: "${manifest.config.mediaType}" is no image configuration`,
      );
    }
    const { mediaType, digest, size } = manifest.descriptor;
    planned.push(
      await planImage({
        configFile: blob(archive, manifest.config),
        layers: manifest.layers.map((layer) => blob(archive, layer)),
        names: manifest.names,
        manifest: { file: manifest.file, descriptor: { mediaType, digest, size } },
      }),
    );
  }
  return planned;
}

/** One manifest for each entry of `index.json`: of an index, the one for this machine. */
export async function layoutManifests(archive: SpooledArchive): Promise<LayoutManifest[]> {
  const index = asObject(await readDocument(getFile(archive, 'index.json'), 'index.json'), 'index.json');
  const found: LayoutManifest[] = [];
  for (const descriptor of descriptorsOf(index)) {
    const manifest = await resolve(archive, { descriptor, names: namesOf(descriptor), depth: 0 });
    if (manifest !== undefined) found.push(manifest);
  }
  return found;
}

interface Wanted {
  readonly descriptor: Descriptor;
  readonly names: readonly Reference[];
  readonly depth: number;
}

/** Undefined for what is no image: an attestation, or a platform that the archive names but does not hold. */
async function resolve(archive: SpooledArchive, wanted: Wanted): Promise<LayoutManifest | undefined> {
  const { descriptor, names, depth } = wanted;
  if (isAttestation(descriptor)) return undefined;
  if (depth > MAX_NESTING) throw invalidArgument(`invalid index ${descriptor.digest}: nested too deeply`);
  if (findFile(archive, blobName(descriptor.digest)) === undefined) return undefined;
  const file = blob(archive, descriptor);
  const document = asObject(await readDocument(file, `manifest ${descriptor.digest}`), 'manifest');
  if (!isIndex(document, descriptor)) {
    return {
      descriptor,
      file,
      names,
      config: descriptorOf(document['config']),
      layers: asList(document['layers'], 'layers').map((layer) => descriptorOf(layer)),
    };
  }
  for (const candidate of [...descriptorsOf(document)].sort(bestPlatformFirst)) {
    const manifest = await resolve(archive, { descriptor: candidate, names, depth: depth + 1 });
    if (manifest !== undefined) return manifest;
  }
  return undefined;
}

/**
 * A document must be what its descriptor says, and only that: one that can be read as a manifest and as an index means something
 * else to each reader (CVE-2021-41190).
 */
function isIndex(document: JsonObject, descriptor: Descriptor): boolean {
  const stated = optionalString(document['mediaType'], 'mediaType') ?? descriptor.mediaType;
  const asManifest = 'config' in document || 'layers' in document;
  const asIndex = 'manifests' in document;
  if (stated !== descriptor.mediaType || asManifest === asIndex) {
    throw invalidArgument(`invalid manifest ${descriptor.digest}: ambiguous or of another type than stated`);
  }
  const known = asIndex ? INDEXES : MANIFESTS;
  if (!known.has(descriptor.mediaType)) {
    throw invalidArgument(`invalid manifest ${descriptor.digest}: media type "${descriptor.mediaType}"`);
  }
  return asIndex;
}

const isAttestation = (descriptor: Descriptor): boolean =>
  descriptor.annotations['vnd.docker.reference.type'] === 'attestation-manifest';

const bestPlatformFirst = (a: Descriptor, b: Descriptor): number => rank(a) - rank(b);

function rank({ platform }: Descriptor): number {
  if (platform === undefined) return 1;
  return platform.os === 'linux' && platform.architecture === ARCHITECTURE ? 0 : 2;
}

/** The blob of a descriptor, whose digest and size are true. */
function blob(archive: SpooledArchive, descriptor: Descriptor): ArchiveFile {
  const file = getFile(archive, blobName(descriptor.digest));
  if (file.digest === descriptor.digest && file.sizeBytes === descriptor.size) return file;
  throw invalidArgument(
    `invalid archive: blob ${descriptor.digest} of ${descriptor.size} bytes is ${file.digest} of ${file.sizeBytes} bytes`,
  );
}

const blobName = (digest: Digest): string => `blobs/${digest.replace(':', '/')}`;

const descriptorsOf = (index: JsonObject): Descriptor[] =>
  asList(index['manifests'], 'manifests').map((item) => descriptorOf(item));

function descriptorOf(value: unknown): Descriptor {
  const item = asObject(value, 'descriptor');
  const { digest, size } = item;
  if (!isDigest(digest)) throw invalidArgument(`invalid descriptor: digest ${JSON.stringify(digest)}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalidArgument(`invalid descriptor: size ${JSON.stringify(size)} of ${digest}`);
  }
  return {
    mediaType: asString(item['mediaType'], 'mediaType'),
    digest,
    size,
    annotations: asStringMap(item['annotations'], 'annotations'),
    platform: platformOf(item['platform']),
  };
}

function platformOf(value: unknown): Descriptor['platform'] {
  if (value === undefined || value === null) return undefined;
  const { os, architecture } = asObject(value, 'platform');
  return {
    os: optionalString(os, 'platform.os') ?? '',
    architecture: optionalString(architecture, 'platform.architecture') ?? '',
  };
}

/**
 * containerd writes the whole name in an annotation of its own. The specification's holds a whole name (podman, buildkit) or
 * only a tag (skopeo, umoci); a tag alone names nothing here.
 */
function namesOf({ annotations }: Descriptor): Reference[] {
  const whole = annotations['io.containerd.image.name'];
  if (whole !== undefined) return [withDefaultTag(parseReference(whole))];
  const name = annotations['org.opencontainers.image.ref.name'] ?? '';
  if (!/[:/]/.test(name)) return [];
  try {
    return [withDefaultTag(parseReference(name))];
  } catch (error) {
    // The annotation's grammar allows more than names of images; such a value is no name.
    if (error instanceof WherryError) return [];
    throw error;
  }
}
