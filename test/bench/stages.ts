import { createHash } from 'node:crypto';
import { rm, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { sha256 } from '../../image/digest.ts';
import { UNPACK_LIMITS } from '../../image/workers/limits.ts';
import { unpackStream } from '../../image/workers/unpack.ts';
import { median } from './statistics.ts';

const ROUNDS = 3;
const CHUNK_BYTES = 256 * 1024;

/** MB/s of the unpacked bytes, each stage of a pull alone on the same layer, in this process. */
export interface Stages {
  readonly fetch: number;
  /** Of the blob and of the tar: both digests are checked. */
  readonly hash: number;
  readonly inflate: number;
  /** From a plain tar to files, its own hash included. */
  readonly unpack: number;
}

/** `get` fetches the whole layer from the registry. */
export async function stagesOf(tar: Buffer, get: () => Promise<unknown>): Promise<Stages> {
  const blob = gzipSync(tar, { level: 1 });
  const directory = await mkdtemp('/tmp/stages-');
  let round = 0;
  const unpack = (): Promise<unknown> =>
    unpackStream(piecesOf(tar), {
      target: join(directory, String((round += 1))),
      diffId: sha256(tar),
      signal: new AbortController().signal,
      limits: UNPACK_LIMITS,
    });
  try {
    const rate = async (act: () => unknown): Promise<number> => {
      const times: number[] = [];
      for (let at = 0; at < ROUNDS; at += 1) {
        const begin = performance.now();
        await act();
        times.push(performance.now() - begin);
      }
      return tar.byteLength / 1e6 / (median(times) / 1000);
    };
    return {
      fetch: await rate(get),
      hash: await rate(() => [blob, tar].map((bytes) => createHash('sha256').update(bytes).digest())),
      inflate: await rate(() => gunzipSync(blob)),
      unpack: await rate(unpack),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function* piecesOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

/** A line for people: how fast each is, and how near the whole pull (MB/s) comes to the slowest. */
export function describe({ fetch, hash, inflate, unpack }: Stages, whole: number): string {
  const shown = Object.entries({ fetch, hash, inflate, unpack }).map(
    ([name, rate]) => `${name} ${Math.round(rate)}`,
  );
  const slowest = Math.min(fetch, hash, inflate, unpack);
  return `stages of a pull, MB/s of one thread: ${shown.join(', ')}; the whole pull ${Math.round(whole)}, ${(whole / slowest).toFixed(2)} of the slowest stage`;
}
