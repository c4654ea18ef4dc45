import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { invalidArgument } from '../../common/errors.ts';
import { AT_FDCWD, mkdirAt, statAt } from '../../native/sys/files.ts';
import { removeTreeAt } from '../../native/sys/remove-tree.ts';
import { layerSink } from '../layers/apply.ts';
import { LayerTree } from '../layers/tree.ts';
import { TarReader } from '../tar/reader.ts';
import { inflate } from './inflate.ts';
import type { UnpackedLayer, UnpackJob } from './jobs.ts';

const CHUNK_BYTES = 256 * 1024;
const ROOT_MODE = 0o755;

/** Runs an UnpackJob: one pass that inflates, hashes and unpacks. */
export async function unpack(job: UnpackJob, signal: AbortSignal): Promise<UnpackedLayer> {
  mkdirAt(AT_FDCWD, job.target, ROOT_MODE);
  try {
    return await fill(job, signal);
  } catch (error) {
    removeTreeAt(AT_FDCWD, job.target);
    throw error;
  }
}

async function fill(job: UnpackJob, signal: AbortSignal): Promise<UnpackedLayer> {
  const tree = new LayerTree(job.target, job.lowers);
  const sink = layerSink(tree);
  try {
    const reader = new TarReader(sink);
    const hash = createHash('sha256');
    const blob = createReadStream(job.blob, { highWaterMark: CHUNK_BYTES });
    for await (const chunk of inflate(blob as AsyncIterable<Uint8Array>, signal)) {
      signal.throwIfAborted();
      hash.update(chunk);
      reader.push(chunk);
    }
    reader.finish();
    verify(job, `sha256:${hash.digest('hex')}`);
    tree.release();
    const { mode, uid, gid } = statAt(tree.root, '');
    return { ...sink.result, root: { mode: mode & 0o7777, uid, gid } };
  } finally {
    sink.close();
    tree.close();
  }
}

function verify(job: UnpackJob, actual: string): void {
  if (actual === job.diffId) return;
  throw invalidArgument(`invalid diffID for layer: expected "${job.diffId}", got "${actual}"`);
}
