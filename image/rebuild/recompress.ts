import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants as zlib, crc32, createDeflateRaw, createZstdCompress, type ZstdOptions } from 'node:zlib';
import { Deflate } from 'pako';
import type { Recompression } from './contract.ts';

type Chunks = AsyncIterable<Uint8Array>;
type Gzip = Extract<Recompression, { kind: 'gzip' }>;
type Zstd = Extract<Recompression, { kind: 'zstd' }>;

const CHUNK_BYTES = 256 * 1024;

/** The blob that a tar becomes. The same bytes for the same version of the libraries, however the tar is cut into chunks. */
export function recompress(tar: Chunks, how: Recompression, signal: AbortSignal): Chunks {
  switch (how.kind) {
    case 'none':
      return tar;
    case 'gzip':
      return gzip(tar, how, signal);
    case 'zstd':
      return through(tar, createZstdCompress({ ...zstdOptions(how), chunkSize: CHUNK_BYTES }), signal);
  }
}

export const zstdOptions = ({ level, checksum, sizeBytes }: Omit<Zstd, 'kind'>): ZstdOptions => ({
  params: {
    [zlib.ZSTD_c_compressionLevel]: level,
    [zlib.ZSTD_c_checksumFlag]: checksum ? 1 : 0,
    [zlib.ZSTD_c_contentSizeFlag]: sizeBytes === undefined ? 0 : 1,
  },
  ...(sizeBytes === undefined ? {} : { pledgedSrcSize: sizeBytes }),
});

/** RFC 1952: header, deflate, checksum and length of the tar. */
async function* gzip(tar: Chunks, how: Gzip, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  yield Buffer.from(how.header, 'hex');
  let sum = 0;
  let bytes = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of tar) {
      sum = crc32(chunk, sum);
      bytes += chunk.byteLength;
      yield chunk;
    }
  };
  const { level, memLevel } = how;
  if (how.encoder === 'classic') yield* classic(counted(), how);
  else yield* through(counted(), createDeflateRaw({ level, memLevel, chunkSize: CHUNK_BYTES }), signal);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(sum, 0);
  trailer.writeUInt32LE(bytes % 2 ** 32, 4);
  yield trailer;
}

async function* classic(tar: Chunks, how: Gzip): AsyncGenerator<Uint8Array> {
  const { deflate, out } = classicDeflate(how, CHUNK_BYTES);
  for await (const chunk of tar) {
    deflate.push(chunk, false);
    yield* out.splice(0);
  }
  deflate.push(new Uint8Array(0), true);
  yield* out.splice(0);
}

/** `out` gets what is ready, in chunks of `chunkBytes`. */
export function classicDeflate(
  { level, memLevel }: Pick<Gzip, 'level' | 'memLevel'>,
  chunkBytes: number,
): { readonly deflate: Deflate; readonly out: Uint8Array[] } {
  const deflate = new Deflate({
    level: level as 1,
    memLevel,
    raw: true,
    chunkSize: chunkBytes,
  });
  const out: Uint8Array[] = [];
  deflate.onData = (data) => void out.push(data as Uint8Array);
  deflate.onEnd = () => {};
  return { deflate, out };
}

async function* through(
  source: Chunks,
  transform: Transform,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const fed = pipeline(Readable.from(source, { objectMode: false }), transform, { signal });
  // Its failure is thrown by the transform as well.
  fed.catch(() => {});
  for await (const chunk of transform as AsyncIterable<Uint8Array>) yield chunk;
  await fed;
}
