import { createHash } from 'node:crypto';
import { constants as fs } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { AT_FDCWD, closeFd, openAt, writeAll } from '../../native/sys/files.ts';
import type { LayerBlob } from './jobs.ts';

const BLOCK_BYTES = 256 * 1024;
const NEW_FILE = fs.O_WRONLY | fs.O_CREAT | fs.O_EXCL | fs.O_NOFOLLOW;

/**
 * Writes an uncompressed tar as a layer's blob, in gzip unless `plain`, which must not exist: one pass for both digests. The caller removes the
 * file after a failure.
 */
export async function writeLayerBlob(
  tar: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  {
    file,
    signal,
    plain = false,
  }: { readonly file: string; readonly signal: AbortSignal; readonly plain?: boolean },
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
  const fd = openAt(AT_FDCWD, file, { flags: NEW_FILE, mode: 0o600 });
  const write = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of source) {
      blob.update(chunk);
      sizeBytes += chunk.byteLength;
      writeAll(fd, chunk);
    }
  };
  try {
    const source = Readable.from(hashed(), { objectMode: false });
    if (plain) await pipeline(source, write, { signal });
    else await pipeline(source, createGzip({ chunkSize: BLOCK_BYTES }), write, { signal });
  } finally {
    closeFd(fd);
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
