import { createHash } from 'node:crypto';
import { constants as fs } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants as zlib, createZstdCompress } from 'node:zlib';
import { internal } from '../../common/errors.ts';
import { AT_FDCWD, closeFd, openAt, writeAll } from '../../native/sys/files.ts';
import { chunksOf } from '../../native/sys/read.ts';
import { readAt } from '../../native/sys/read-at.ts';
import { compressionOf } from '../compression.ts';
import { inflate } from '../workers/inflate.ts';
import type { Recorded, RecordJob } from '../workers/jobs.ts';
import { assemble } from './assemble.ts';
import { candidates, SAMPLE_BYTES, type Sample } from './candidates.ts';
import type { Recompression } from './contract.ts';
import { recompress } from './recompress.ts';
import { Splitter } from './splitter.ts';

const CHUNK_BYTES = 256 * 1024;
const NEW_FILE = fs.O_WRONLY | fs.O_CREAT | fs.O_EXCL | fs.O_NOFOLLOW;
/** Mostly zeros and digits: a higher level finds little more. */
const RECIPE_PARAMS = { [zlib.ZSTD_c_compressionLevel]: 9, [zlib.ZSTD_c_checksumFlag]: 1 };
/** What makes more than this of the blob superfluous is not worth the work that it costs to make it again. */
const MAX_SHARE = 0.5;

/**
 * Runs a RecordJob: one pass over the blob writes the recipe, further ones make the blob of it again, until one makes the same bytes.
 * The caller removes the file after a failure, and when the blob is kept.
 */
export async function record(job: RecordJob, signal: AbortSignal): Promise<Recorded> {
  const late = AbortSignal.timeout(job.limitMs);
  try {
    return await tryAll(job, AbortSignal.any([signal, late]));
  } catch (error) {
    if (signal.aborted || !late.aborted) throw error;
    return { kind: 'kept', reason: `it cannot be made again within ${job.limitMs / 1000} s` };
  }
}

async function tryAll(job: RecordJob, signal: AbortSignal): Promise<Recorded> {
  const { sample, blobBytes, recipeBytes } = await split(job, signal);
  if (recipeBytes > blobBytes * MAX_SHARE) return { kind: 'kept', reason: 'a recipe would save too little' };
  for await (const recompression of candidates(sample)) {
    if (await makes(job, recompression, signal)) {
      return { kind: 'recorded', recompression, blobBytes, recipeBytes };
    }
  }
  const compression = compressionOf(sample.blob);
  return { kind: 'kept', reason: `no compressor here makes the same ${compression} of its tar` };
}

interface Split {
  readonly sample: Sample;
  readonly blobBytes: number;
  readonly recipeBytes: number;
}

async function split(job: RecordJob, signal: AbortSignal): Promise<Split> {
  const [blob, tar] = [new Beginning(), new Beginning()];
  const hash = createHash('sha256');
  const splitter = new Splitter(job.directory);
  const source = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of inflate(blob.watch(chunksOf(job.blob, CHUNK_BYTES)), signal)) {
      signal.throwIfAborted();
      hash.update(chunk);
      tar.note(chunk);
      yield* splitter.push(chunk);
    }
    yield* splitter.finish();
  };
  const fd = openAt(AT_FDCWD, job.file, { flags: NEW_FILE, mode: 0o600 });
  let recipeBytes = 0;
  const write = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of chunks) {
      writeAll(fd, chunk);
      recipeBytes += chunk.byteLength;
    }
  };
  try {
    const pieces = Readable.from(source(), { objectMode: false });
    await pipeline(pieces, createZstdCompress({ params: RECIPE_PARAMS }), write, { signal });
  } finally {
    closeFd(fd);
    splitter.close();
  }
  const diffId = `sha256:${hash.digest('hex')}`;
  if (diffId !== job.diffId) throw internal(`The blob "${job.blob}" unpacks to ${diffId}, not ${job.diffId}`);
  const sample = { blob: blob.bytes, tar: tar.bytes, tarBytes: tar.total };
  return { sample, blobBytes: blob.total, recipeBytes };
}

/** Whether recipe and layer make the very bytes of the blob; ends at the first that differs. */
async function makes(job: RecordJob, how: Recompression, signal: AbortSignal): Promise<boolean> {
  const ingredients = { recipe: job.file, directory: job.directory };
  const fd = openAt(AT_FDCWD, job.blob, { flags: fs.O_RDONLY });
  const hash = createHash('sha256');
  let position = 0;
  try {
    for await (const chunk of recompress(assemble(ingredients, signal), how, signal)) {
      signal.throwIfAborted();
      const there = Buffer.allocUnsafe(chunk.byteLength);
      if (readAt(fd, there, position) < chunk.byteLength || !there.equals(chunk)) return false;
      hash.update(chunk);
      position += chunk.byteLength;
    }
    return `sha256:${hash.digest('hex')}` === job.digest;
  } finally {
    closeFd(fd);
  }
}

/** The first bytes of a stream, and how many there were. */
class Beginning {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  total = 0;

  note(chunk: Uint8Array): void {
    const part = chunk.subarray(0, SAMPLE_BYTES - this.#bytes);
    if (part.byteLength > 0) this.#parts.push(Uint8Array.from(part));
    this.#bytes += part.byteLength;
    this.total += chunk.byteLength;
  }

  async *watch(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.note(chunk);
      yield chunk;
    }
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}
