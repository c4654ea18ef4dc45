import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

export type Compression = 'none' | 'gzip' | 'zstd';

/** How many first bytes `compressionOf` wants to see. */
export const MAGIC_BYTES = 4;

/** By the first bytes, as docker does it: names and media types may lie. RFC 1952 and RFC 8878. */
export function compressionOf(head: Uint8Array): Compression {
  const magic = Buffer.from(head.subarray(0, MAGIC_BYTES)).toString('hex');
  if (magic.startsWith('1f8b')) return 'gzip';
  // A zstd stream may begin with a skippable frame (zstd:chunked does).
  if (magic === '28b52ffd' || /^5[0-9a-f]2a4d18$/.test(magic)) return 'zstd';
  return 'none';
}

const CHUNK_BYTES = 256 * 1024;

const DECOMPRESSORS: Readonly<Record<Compression, () => Transform | undefined>> = {
  none: () => undefined,
  gzip: () => createGunzip({ chunkSize: CHUNK_BYTES }),
  zstd: () => createZstdDecompress({ chunkSize: CHUNK_BYTES }),
};

/** A decompressor; undefined for what is plain. It holds a window of a few MB at most, whatever the input's size. */
export const decompressor = (compression: Compression): Transform | undefined => DECOMPRESSORS[compression]();
