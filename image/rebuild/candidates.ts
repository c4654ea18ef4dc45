import { promisify } from 'node:util';
import { constants as zlib, deflateRaw, zstdCompress } from 'node:zlib';
import { compressionOf } from '../compression.ts';
import type { Recompression } from './contract.ts';
import { classicDeflate, zstdOptions } from './recompress.ts';

/** The beginning of a blob, and of the tar in it. */
export interface Sample {
  readonly blob: Uint8Array;
  readonly tar: Uint8Array;
  readonly tarBytes: number;
}

const deflateNode = promisify(deflateRaw);
const compressNode = promisify(zstdCompress);

/** Enough for each compressor to show some blocks of its own. */
export const SAMPLE_BYTES = 512 * 1024;

type Gzip = Extract<Recompression, { kind: 'gzip' }>;

/** The likely ones first; the header's hint before them. */
const GZIP_LEVELS = [6, 9, 1, 5, 4, 3, 2, 7, 8];
const ZSTD_LEVELS = [3, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 19];

/** What may make the blob of the tar: all that makes its beginning. Lazy, since each one costs. */
export async function* candidates(sample: Sample): AsyncGenerator<Recompression> {
  switch (compressionOf(sample.blob)) {
    case 'none':
      yield { kind: 'none' };
      return;
    case 'gzip':
      yield* gzipCandidates(sample);
      return;
    case 'zstd':
      yield* zstdCandidates(sample);
      return;
    case 'bzip2':
    case 'xz':
  }
}

async function* gzipCandidates(sample: Sample): AsyncGenerator<Recompression> {
  const head = gzipHead(sample.blob);
  if (head === undefined) return;
  const header = Buffer.from(head).toString('hex');
  const body = sample.blob.subarray(head.byteLength);
  const settings = [8, 9].flatMap((memLevel) => levelsOf(head).map((level) => ({ memLevel, level })));
  for (const setting of settings) {
    for (const encoder of ['node', 'classic'] as const) {
      const how: Gzip = { kind: 'gzip', encoder, ...setting, header };
      if (begins(body, await deflated(how, sample))) yield how;
    }
  }
}

/** The byte XFL: 2 for the slowest, 4 for the fastest. */
function levelsOf(head: Uint8Array): number[] {
  const hinted = { 2: 9, 4: 1 }[head[8] ?? 0];
  return hinted === undefined ? GZIP_LEVELS : [hinted, ...GZIP_LEVELS.filter((level) => level !== hinted)];
}

/** RFC 1952: ten bytes, then what the flags say; undefined when it is longer than the sample. */
function gzipHead(blob: Uint8Array): Uint8Array | undefined {
  const flags = blob[3] ?? 0;
  let end = 10;
  if ((flags & 4) !== 0) end += 2 + (blob[end] ?? 0) + (blob[end + 1] ?? 0) * 256;
  for (const flag of [8, 16]) if ((flags & flag) !== 0) end = blob.indexOf(0, end) + 1 || blob.byteLength;
  if ((flags & 2) !== 0) end += 2;
  return end < blob.byteLength ? blob.subarray(0, end) : undefined;
}

const isWhole = ({ tar, tarBytes }: Sample): boolean => tar.byteLength === tarBytes;

async function deflated(how: Gzip, sample: Sample): Promise<Uint8Array> {
  if (how.encoder === 'node') {
    const { level, memLevel } = how;
    const finishFlush = isWhole(sample) ? zlib.Z_FINISH : zlib.Z_NO_FLUSH;
    return deflateNode(sample.tar, { level, memLevel, finishFlush });
  }
  const { deflate, out } = classicDeflate(how, 1024);
  deflate.push(sample.tar, isWhole(sample));
  return Buffer.concat(out);
}

async function* zstdCandidates(sample: Sample): AsyncGenerator<Recompression> {
  // RFC 8878: a skippable frame comes from a compressor that has more to say than the tar.
  if (sample.blob[0] !== 0x28) return;
  const descriptor = sample.blob[4] ?? 0;
  const checksum = (descriptor & 4) !== 0;
  // A content size, or a single segment, which implies one.
  const sizeBytes = descriptor >> 6 === 0 && (descriptor & 32) === 0 ? undefined : sample.tarBytes;
  for (const level of ZSTD_LEVELS) {
    const how = { kind: 'zstd', level, checksum, sizeBytes } as const;
    const finishFlush = isWhole(sample) ? zlib.ZSTD_e_end : zlib.ZSTD_e_continue;
    const made = await compressNode(sample.tar, { ...zstdOptions(how), finishFlush });
    if (begins(sample.blob, made)) yield how;
  }
}

/** As far as both go. */
function begins(blob: Uint8Array, made: Uint8Array): boolean {
  const bytes = Math.min(blob.byteLength, made.byteLength);
  return Buffer.compare(blob.subarray(0, bytes), made.subarray(0, bytes)) === 0;
}
