import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { DOCKER_CONFIG, DOCKER_MANIFEST, OCI_INDEX } from '../../../image/manifest.ts';
import type { Descriptor } from '../../../image/registry/contract.ts';
import { complete, parseReference, withDefaultTag } from '../../../image/reference.ts';
import type { Containerd } from '../../containerd/client.ts';
import { readBlob } from '../content/read.ts';
import { writeBlob, writeHashed } from '../content/write.ts';
import type { Blob, Members } from './archive-members.ts';

export interface Named {
  readonly name: string;
  readonly target: Descriptor;
  readonly isIndex: boolean;
}

export interface Naming {
  readonly baseName: string;
  readonly digests: boolean;
  readonly skipDigestForNamed: boolean;
  readonly indexName: string;
  /** Layers of docker's archives, which are plain, are stored compressed. */
  readonly compress: boolean;
}

const LAYER = 'application/vnd.docker.image.rootfs.diff.tar';

interface Found {
  readonly name: string | undefined;
  /** The name is a whole one, whatever the base name. */
  readonly isExact: boolean;
  readonly target: Descriptor;
}

/** The images of an archive, OCI's or docker's, under the names that they get. Throws when it is neither. */
export async function imagesIn(
  containerd: Containerd,
  members: Members,
  naming: Naming,
): Promise<readonly Named[]> {
  const found = await findImages(containerd, members, naming);
  const named = found.flatMap(({ name, isExact, target }) => {
    const shown = name === undefined || isExact ? name : fullName(name, naming.baseName);
    const own = shown === undefined ? [] : [{ name: shown, target, isIndex: false }];
    if (!naming.digests || (own.length > 0 && naming.skipDigestForNamed)) return own;
    return [...own, { name: `${naming.baseName || dated()}@${target.digest}`, target, isIndex: false }];
  });
  if (naming.indexName === '') return named;
  const manifests = found.map(({ target }) => target);
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  const target = await document(containerd, index, OCI_INDEX);
  return [{ name: naming.indexName, target, isIndex: true }, ...named];
}

async function findImages(
  containerd: Containerd,
  { documents, blobs }: Members,
  { compress }: Naming,
): Promise<readonly Found[]> {
  const index = documents.get('index.json');
  if (index !== undefined) {
    const { manifests } = JSON.parse(index.toString()) as { manifests: Descriptor[] };
    return manifests.map((target) => {
      const exact = target.annotations?.['io.containerd.image.name'];
      const name = exact ?? target.annotations?.['org.opencontainers.image.ref.name'];
      return { target, name, isExact: exact !== undefined };
    });
  }
  const manifest = documents.get('manifest.json');
  if (manifest === undefined) throw new Error('unrecognized image format');
  const listed = JSON.parse(manifest.toString()) as DockerImage[];
  const made = await Promise.all(listed.map((image) => dockerImage(containerd, image, { blobs, compress })));
  return made.flat();
}

interface DockerImage {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

/** An archive of docker's has no manifest: it is made here, as containerd's clients make it. */
async function dockerImage(
  containerd: Containerd,
  { Config, RepoTags, Layers }: DockerImage,
  { blobs, compress }: Pick<Members, 'blobs'> & Pick<Naming, 'compress'>,
): Promise<readonly Found[]> {
  const blobAt = (path: string): Blob => {
    const blob = blobs.get(path);
    if (blob === undefined) throw new Error(`the archive has no file ${JSON.stringify(path)}: not found`);
    return blob;
  };
  const config = blobAt(Config);
  const layers: Pick<Descriptor, 'mediaType' | 'digest' | 'size'>[] = [];
  for (const path of Layers) {
    const { digest, size, compressed } = blobAt(path);
    if (compress && !compressed) layers.push(await compressedLayer(containerd, digest));
    else layers.push({ mediaType: compressed ? `${LAYER}.gzip` : LAYER, digest, size });
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: DOCKER_MANIFEST,
    config: { mediaType: DOCKER_CONFIG, digest: config.digest, size: config.size },
    layers,
  };
  const target = await document(containerd, Buffer.from(JSON.stringify(manifest)), DOCKER_MANIFEST);
  if (RepoTags === undefined || RepoTags === null || RepoTags.length === 0)
    return [{ name: undefined, isExact: false, target }];
  return RepoTags.map((tag) => ({
    name: complete(withDefaultTag(parseReference(tag))),
    isExact: true,
    target,
  }));
}

/** Stores the same layer a second time; the plain one goes with the lease. */
async function compressedLayer(
  containerd: Containerd,
  plain: string,
): Promise<Pick<Descriptor, 'mediaType' | 'digest' | 'size'>> {
  const source = pipeline(Readable.from(readBlob(containerd, plain)), createGzip(), () => undefined);
  const blob = await writeHashed(containerd, source, {
    ref: `import-compressed-${plain}`,
    labels: { 'containerd.io/uncompressed': plain },
  });
  return { mediaType: `${LAYER}.gzip`, ...blob };
}

/** Writes a document into the content store. */
async function document(containerd: Containerd, bytes: Buffer, mediaType: string): Promise<Descriptor> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Descriptor['digest'];
  await writeBlob(containerd, [bytes], { ref: `import-${digest}`, size: bytes.length, expected: digest });
  return { mediaType, digest, size: bytes.length };
}

/** What containerd's clients call images that have no name. */
const dated = (): string => `import-${new Date().toISOString().slice(0, 10)}`;

/** A name that is a tag alone belongs to the base name; with a base name, others than its own are left out. */
function fullName(name: string, baseName: string): string | undefined {
  if (!/[/:@]/.test(name)) return `${baseName || dated()}:${name}`;
  return baseName === '' || name.startsWith(`${baseName}:`) || name.startsWith(`${baseName}@`)
    ? name
    : undefined;
}
