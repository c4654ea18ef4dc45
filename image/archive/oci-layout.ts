import { invalidArgument, WherryError } from '../../common/errors.ts';
import type { Digest } from '../digest.ts';
import { asObject } from '../json.ts';
import {
  bestPlatformFirst,
  CONFIGS,
  descriptorsOf,
  documentOf,
  isAttestation,
  MAX_NESTING,
  parsePlatform,
} from '../manifest.ts';
import { parseReference, withDefaultTag, type Reference } from '../reference.ts';
import type { Descriptor } from '../registry/contract.ts';
import type { SpooledArchive } from '../workers/jobs.ts';
import { findFile, getFile, readDocument, type ArchiveFile } from './members.ts';
import { planImage, type PlannedImage } from './planned.ts';

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
  for (const descriptor of descriptorsOf(index, 'manifests')) {
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
  const document = documentOf(descriptor, await readDocument(file, `manifest ${descriptor.digest}`));
  if (document.kind === 'image') {
    const { config, layers } = document;
    return { descriptor, file, names, config, layers };
  }
  for (const candidate of bestPlatformFirst(document.manifests, parsePlatform(undefined))) {
    const manifest = await resolve(archive, { descriptor: candidate, names, depth: depth + 1 });
    if (manifest !== undefined) return manifest;
  }
  return undefined;
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

/**
 * containerd writes the whole name in an annotation of its own. The specification's holds a whole name (podman, buildkit) or
 * only a tag (skopeo, umoci); a tag alone names nothing here.
 */
function namesOf({ annotations }: Descriptor): Reference[] {
  const whole = annotations?.['io.containerd.image.name'];
  if (whole !== undefined) return [withDefaultTag(parseReference(whole))];
  const name = annotations?.['org.opencontainers.image.ref.name'] ?? '';
  if (!/[:/]/.test(name)) return [];
  try {
    return [withDefaultTag(parseReference(name))];
  } catch (error) {
    // The annotation's grammar allows more than names of images; such a value is no name.
    if (error instanceof WherryError) return [];
    throw error;
  }
}
