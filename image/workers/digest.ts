import { createHash } from 'node:crypto';
import { inflate } from './inflate.ts';
import type { InflatedDigest } from './jobs.ts';
import { guardUnpacking, type UnpackLimits } from './limits.ts';
import { chunksOf } from '../../native/sys/read.ts';

const CHUNK_BYTES = 1 << 20;

/** Runs a DigestJob. */
export async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(path, CHUNK_BYTES)) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return `sha256:${hash.digest('hex')}`;
}

/** Runs a DiffIdJob. */
export async function diffIdOf(
  path: string,
  signal: AbortSignal,
  limits: UnpackLimits,
): Promise<InflatedDigest> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const guard = guardUnpacking(limits, path);
  for await (const chunk of inflate(chunksOf(path, CHUNK_BYTES), signal, guard)) {
    hash.update(chunk);
    sizeBytes += chunk.byteLength;
  }
  return { diffId: `sha256:${hash.digest('hex')}`, sizeBytes };
}
