import { createHash } from 'node:crypto';
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
