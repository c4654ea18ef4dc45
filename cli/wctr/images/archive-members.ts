import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { posix } from 'node:path';
import { extract } from 'tar-stream';
import { compressionOf } from '../../../image/compression.ts';
import type { Digest } from '../../../image/digest.ts';
import type { Containerd } from '../../containerd/client.ts';
import { writeBlob } from '../content/write.ts';

/** What an archive held. Blobs are in the content store by then, documents are here. */
export interface Members {
  /** Small files by their path: index.json, manifest.json, configs. */
  readonly documents: ReadonlyMap<string, Buffer>;
  readonly blobs: ReadonlyMap<string, Blob>;
}

export interface Blob {
  readonly digest: Digest;
  readonly size: number;
  readonly compressed: boolean;
}

/** More is no document. */
const DOCUMENT_BYTES = 4 << 20;

/** Reads an archive once, from a stream that can't be read again. */
export async function readMembers(containerd: Containerd, input: Readable): Promise<Members> {
  const documents = new Map<string, Buffer>();
  const blobs = new Map<string, Blob>();
  const links = new Map<string, string>();
  const archive = extract();
  input.on('error', (error) => archive.destroy(error));
  for await (const entry of input.pipe(archive)) {
    const { name, type, linkname, size } = entry.header;
    const path = posix.normalize(name);
    if (type === 'symlink' && linkname) links.set(path, posix.join(posix.dirname(path), linkname));
    if (type === 'link' && linkname) links.set(path, posix.normalize(linkname));
    const isDocument = size <= DOCUMENT_BYTES && !path.endsWith('.tar');
    if (type !== 'file') entry.resume();
    else if (isDocument) {
      const bytes = await buffer(entry);
      documents.set(path, bytes);
      // Small layers have names of blobs, too.
      blobs.set(path, await store(containerd, [bytes], { path, size }));
    } else blobs.set(path, await store(containerd, entry, { path, size }));
  }
  for (const [path, target] of links) {
    const blob = blobs.get(target);
    if (blob !== undefined) blobs.set(path, blob);
  }
  return { documents, blobs };
}

async function store(
  containerd: Containerd,
  source: AsyncIterable<unknown> | readonly Buffer[],
  { path, size }: { readonly path: string; readonly size: number },
): Promise<Blob> {
  const hash = createHash('sha256');
  const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? [];
  let compressed: boolean | undefined;
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const bytes of source as AsyncIterable<Uint8Array>) {
      hash.update(bytes);
      compressed ??= compressionOf(bytes) !== 'none';
      yield bytes;
    }
  }
  const expected = hex === undefined ? '' : `sha256:${hex}`;
  const ref = `import-${expected || createHash('sha256').update(`${process.pid} ${path}`).digest('hex')}`;
  if (isLoose(path)) {
    for await (const bytes of hashed()) void bytes;
  } else await writeBlob(containerd, hashed(), { ref, size, expected });
  return { digest: `sha256:${hash.digest('hex')}` as Digest, size, compressed: compressed === true };
}

/** Of the archive itself: no image names them. */
const isLoose = (path: string): boolean =>
  ['index.json', 'manifest.json', 'oci-layout', 'repositories'].includes(path) ||
  /(^|\/)(VERSION|json)$/.test(path);
