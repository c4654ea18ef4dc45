import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { invalidArgument, messageOf } from '../../common/errors.ts';
import { compressionOf, decompressor, MAGIC_BYTES, type Compression } from '../compression.ts';
import { bunzip2 } from './bzip2.ts';
import { UNGUARDED, type UnpackGuard } from './limits.ts';
import { unxz } from './xz.ts';

type Chunks = AsyncIterable<Uint8Array>;

/** The chunks of `source`, decompressed if they are compressed; closes `source` in the end. Throws `invalid-argument` for damaged input, and what `guard` throws. */
export async function* inflate(
  source: Chunks,
  signal: AbortSignal,
  guard = UNGUARDED,
): AsyncGenerator<Uint8Array> {
  const iterator = counted(source, guard)[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < MAGIC_BYTES) {
    const next = await iterator.next();
    if (next.done === true) break;
    head.push(next.value);
    bytes += next.value.byteLength;
  }
  const whole = rejoined(head, iterator);
  for await (const chunk of plainOf(whole, compressionOf(Buffer.concat(head)), signal)) {
    guard.gave(chunk.byteLength);
    yield chunk;
  }
}

function plainOf(whole: Chunks, compression: Compression, signal: AbortSignal): Chunks {
  if (compression === 'xz') return unxz(whole);
  if (compression === 'bzip2') return bunzip2(whole);
  const transform = decompressor(compression);
  if (transform === undefined) return whole;
  return through(Readable.from(whole, { objectMode: false }), transform, signal);
}

async function* counted(source: Chunks, guard: UnpackGuard): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    guard.took(chunk.byteLength);
    yield chunk;
  }
}

async function* rejoined(head: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): Chunks {
  try {
    yield* head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function* through(
  source: Readable,
  transform: NonNullable<ReturnType<typeof decompressor>>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const fed = pipeline(source, transform, { signal });
  // Its failure is thrown by the transform as well.
  fed.catch(() => {});
  try {
    for await (const chunk of transform as AsyncIterable<Uint8Array>) yield chunk;
    await fed;
  } catch (error) {
    if (!isDecompressionError(error)) throw error;
    throw invalidArgument(`cannot decompress the archive: ${messageOf(error)}`, { cause: error });
  }
}

/** zlib's error codes begin with Z_, zstd's with ZSTD_. */
const isDecompressionError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^Z(STD)?_/.test(String(error.code));
