import { readFile, stat } from '../../common/patient-fs.ts';
import { isErrno } from '../../native/sys/files.ts';
import { isDigest, type Digest } from '../digest.ts';
import type { Image } from '../images.ts';
import { asList, asObject, parseJson, type JsonObject } from '../json.ts';
import { OCI_INDEX } from '../manifest.ts';
import type { StoreParts } from '../parts.ts';
import type { Manifest } from '../registry/contract.ts';

type Store = Pick<StoreParts, 'catalog' | 'content' | 'rebuilt'>;

/** An index, and the manifests that it lists. */
export interface CompleteIndex {
  readonly manifest: Manifest;
  readonly manifests: readonly Manifest[];
}

/** The index that led to an image, when every blob that it leads to is in the store; an index within an index never is. */
export async function completeIndex(store: Store, image: Image): Promise<CompleteIndex | undefined> {
  const documents = store.catalog.blobs(image.id).slice(1);
  const layers = image.diffIds.length;
  for (const digest of layers === 0 ? documents : documents.slice(0, -layers)) {
    if (digest === image.descriptor?.digest) continue;
    const found = await readIndex(store, digest);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function readIndex(store: Store, digest: Digest): Promise<CompleteIndex | undefined> {
  const index = await readDocument(store, digest);
  if (index === undefined || !('manifests' in index.document)) return undefined;
  const manifests: Manifest[] = [];
  for (const item of asList(index.document['manifests'], 'manifests')) {
    const child = asObject(item, 'descriptor')['digest'];
    const found = isDigest(child) ? await readDocument(store, child) : undefined;
    if (found === undefined || 'manifests' in found.document) return undefined;
    const blobs = [found.document['config'], ...asList(found.document['layers'], 'layers')];
    for (const blob of blobs) if (!(await isThere(store, asObject(blob, 'descriptor')))) return undefined;
    manifests.push(described(found, asObject(item, 'descriptor')['mediaType']));
  }
  return { manifest: described(index, undefined), manifests };
}

interface Read {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly document: JsonObject;
}

function described({ digest, bytes, document }: Read, stated: unknown): Manifest {
  const fallback = 'manifests' in document ? OCI_INDEX : '';
  const mediaType = [document['mediaType'], stated, fallback].find((type) => typeof type === 'string') ?? '';
  return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
}

/** Undefined when it is not there. */
async function readDocument({ content }: Store, digest: Digest): Promise<Read | undefined> {
  try {
    const bytes = await readFile(content.path(digest));
    return { digest, bytes, document: asObject(parseJson(bytes.toString(), 'manifest'), 'manifest') };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function isThere({ content, rebuilt }: Store, { digest }: JsonObject): Promise<boolean> {
  if (!isDigest(digest)) return false;
  if (rebuilt.can(digest)) return true;
  return stat(content.path(digest)).then(
    () => true,
    () => false,
  );
}
