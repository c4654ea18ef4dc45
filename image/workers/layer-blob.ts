import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { LayerBlob } from './jobs.ts';

const BLOCK_BYTES = 256 * 1024;

/**
 * Writes an uncompressed tar as a layer's blob in gzip, which must not exist: one pass for both digests. The caller removes the
 * file after a failure.
 */
export async function writeLayerBlob(
  tar: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { file, signal }: { readonly file: string; readonly signal: AbortSignal },
): Promise<LayerBlob> {
  const diff = createHash('sha256');
  const blob = createHash('sha256');
  let sizeBytes = 0;
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const block of inBlocks(tar)) {
      diff.update(block);
      yield block;
    }
  };
  const compressed = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      blob.update(chunk);
      sizeBytes += chunk.byteLength;
      yield chunk;
    }
  };
  const out = createWriteStream(file, { flags: 'wx', mode: 0o600 });
  const closed = new Promise<void>((resolve) => out.once('close', resolve));
  try {
    await pipeline(
      Readable.from(hashed(), { objectMode: false }),
      createGzip({ chunkSize: BLOCK_BYTES }),
      compressed,
      out,
      { signal },
    );
  } finally {
    // A failure comes sooner: then the caller would remove the file while it is made.
    out.destroy();
    await closed;
  }
  return { diffId: `sha256:${diff.digest('hex')}`, digest: `sha256:${blob.digest('hex')}`, sizeBytes };
}

/** Headers are small: what is handed on is worth the handing. */
export async function* inBlocks(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    bytes += chunk.byteLength;
    if (bytes < BLOCK_BYTES) continue;
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(parts);
}
