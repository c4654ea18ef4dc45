import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';
/** What registries and archives have for every reader, and what Node reads itself. */
export type CommonCompression = Exclude<Compression, 'bzip2' | 'xz'>;

/** How many first bytes are looked at. */
export const MAGIC_BYTES = 6;

/** By the first bytes, as docker does it: names and media types may lie. RFC 1952, RFC 8878, the .xz file format, 2.1.1.1. */
export function compressionOf(head: Uint8Array): Compression {
  const magic = magicOf(head);
  if (magic.startsWith('1f8b')) return 'gzip';
  // A zstd stream may begin with a skippable frame (zstd:chunked does).
  if (/^(28b52ffd|5[0-9a-f]2a4d18)/.test(magic)) return 'zstd';
  if (magic === 'fd377a585a00') return 'xz';
  // A tar may begin with the name of a file that begins so: behind "BZh" and the level comes a block or the end.
  if (/^425a683[1-9](3141|1772)/.test(magic)) return 'bzip2';
  return 'none';
}

const magicOf = (head: Uint8Array): string => Buffer.from(head.subarray(0, MAGIC_BYTES)).toString('hex');

const CHUNK_BYTES = 256 * 1024;

const DECOMPRESSORS: Readonly<Record<CommonCompression, () => Transform | undefined>> = {
  none: () => undefined,
  gzip: () => createGunzip({ chunkSize: CHUNK_BYTES }),
  zstd: () => createZstdDecompress({ chunkSize: CHUNK_BYTES }),
};

/** A decompressor; undefined for what is plain. It holds a window of a few MB at most, whatever the input's size. */
export const decompressor = (compression: CommonCompression): Transform | undefined =>
  DECOMPRESSORS[compression]();
