import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { invalidArgument } from '../common/errors.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** How many first bytes are looked at. */
export const MAGIC_BYTES = 6;

const XZ_MAGIC = 'fd377a585a00';
/** What docker reads and Node does not. */
const UNKNOWN = [
  ['bzip2', '425a68'],
  ['xz', XZ_MAGIC],
] as const;

/** By the first bytes, as docker does it: names and media types may lie. RFC 1952 and RFC 8878. */
export function compressionOf(head: Uint8Array): Compression {
  const magic = magicOf(head);
  if (magic.startsWith('1f8b')) return 'gzip';
  // A zstd stream may begin with a skippable frame (zstd:chunked does).
  if (/^(28b52ffd|5[0-9a-f]2a4d18)/.test(magic)) return 'zstd';
  return 'none';
}

/** Docker takes archives in xz, and registries have no such layers. The .xz file format, 2.1.1.1. */
export const isXz = (head: Uint8Array): boolean => magicOf(head) === XZ_MAGIC;

/** Throws `invalid-argument` for a format that would be taken for a damaged archive. */
export function refuseUnknown(head: Uint8Array): void {
  const magic = magicOf(head);
  const format = UNKNOWN.find(([, start]) => magic.startsWith(start))?.[0];
  if (format === undefined) return;
  throw invalidArgument(`cannot read an archive compressed with ${format}: use gzip, zstd or none`);
}

const magicOf = (head: Uint8Array): string => Buffer.from(head.subarray(0, MAGIC_BYTES)).toString('hex');

const CHUNK_BYTES = 256 * 1024;

const DECOMPRESSORS: Readonly<Record<Compression, () => Transform | undefined>> = {
  none: () => undefined,
  gzip: () => createGunzip({ chunkSize: CHUNK_BYTES }),
  zstd: () => createZstdDecompress({ chunkSize: CHUNK_BYTES }),
};

/** A decompressor; undefined for what is plain. It holds a window of a few MB at most, whatever the input's size. */
export const decompressor = (compression: Compression): Transform | undefined => DECOMPRESSORS[compression]();
