import { invalidArgument } from '../../common/errors.ts';
import { asList, asObject, asString, asStrings } from '../json.ts';
import { parseReference, type Reference } from '../reference.ts';
import type { SpooledArchive } from '../workers/jobs.ts';
import { findFile, getFile, readDocument, type ArchiveFile } from './members.ts';
import { layoutManifests, planLayout, type LayoutManifest } from './oci-layout.ts';
import { planImage, type PlannedImage } from './planned.ts';

const BLOB = /^blobs\/(sha256)\/([0-9a-f]{64})$/;

/** Every image of an archive: `docker save`'s of any age, or an OCI layout. Throws `invalid-argument`. */
export async function planArchive(archive: SpooledArchive): Promise<PlannedImage[]> {
  const manifest = findFile(archive, 'manifest.json');
  if (manifest !== undefined) return planDockerArchive(archive, manifest);
  if (findFile(archive, 'index.json') !== undefined) return planLayout(archive);
  throw invalidArgument('invalid archive: does not contain a manifest.json');
}

/** `manifest.json` names configurations, layers and tags; docker 25 and later save an OCI layout around it. */
async function planDockerArchive(archive: SpooledArchive, file: ArchiveFile): Promise<PlannedImage[]> {
  const document = await readDocument(file, 'manifest.json');
  if (document === null) throw invalidArgument('invalid manifest, manifest cannot be null (but can be [])');
  const around = findFile(archive, 'index.json') === undefined ? [] : await layoutManifests(archive);
  const planned: PlannedImage[] = [];
  for (const value of asList(document, 'manifest.json')) {
    const item = asObject(value, 'manifest.json');
    const configFile = blobOrFile(archive, asString(item['Config'], 'Config'));
    const layers = asStrings(item['Layers'], 'Layers').map((name) => blobOrFile(archive, name));
    const manifest = around.find((candidate) => isOf(candidate, configFile, layers));
    planned.push(
      await planImage({
        configFile,
        layers,
        names: asStrings(item['RepoTags'], 'RepoTags').map((tag) => nameOf(tag)),
        manifest: manifest === undefined ? undefined : described(manifest),
      }),
    );
  }
  return planned;
}

/** Whether a manifest of the layout around describes the very same blobs. */
const isOf = (manifest: LayoutManifest, config: ArchiveFile, layers: readonly ArchiveFile[]): boolean =>
  manifest.config.digest === config.digest &&
  manifest.layers.length === layers.length &&
  manifest.layers.every(({ digest }, index) => digest === layers[index]?.digest);

const described = ({
  file,
  descriptor: { mediaType, digest, size },
}: LayoutManifest): PlannedImage['manifest'] => ({
  file,
  descriptor: { mediaType, digest, size },
});

/** What is named by its digest must have it. */
function blobOrFile(archive: SpooledArchive, name: string): ArchiveFile {
  const file = getFile(archive, name);
  const [, algorithm, hex] = BLOB.exec(name) ?? [];
  if (hex !== undefined && file.digest !== `${algorithm}:${hex}`) {
    throw invalidArgument(`invalid archive: "${name}" has the digest ${file.digest}`);
  }
  return file;
}

function nameOf(tag: string): Reference {
  const reference = parseReference(tag);
  if (reference.tag === undefined) throw invalidArgument(`invalid tag "${tag}"`);
  return reference;
}
