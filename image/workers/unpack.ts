import { createHash } from 'node:crypto';
import { invalidArgument } from '../../common/errors.ts';
import { AT_FDCWD, isErrno, mkdirAt, statAt } from '../../native/sys/files.ts';
import { chunksOf } from '../../native/sys/read.ts';
import { removeTreeAt } from '../../native/sys/remove-tree.ts';
import { layerSink } from '../layers/apply.ts';
import { classify, layerPath } from '../layers/path.ts';
import { measureTree } from '../layers/measure.ts';
import { LayerTree } from '../layers/tree.ts';
import { shownName, type TarSink } from '../tar/entry.ts';
import { TarReader } from '../tar/reader.ts';
import { inflate } from './inflate.ts';
import { guardUnpacking, UNPACK_LIMITS, type UnpackLimits } from './limits.ts';
import type { RootAttributes, UnpackedLayer, UnpackJob } from './jobs.ts';

const CHUNK_BYTES = 256 * 1024;

/** Runs an UnpackJob: one pass that inflates, hashes and unpacks. */
export async function unpack(
  job: UnpackJob,
  signal: AbortSignal,
  limits = UNPACK_LIMITS,
): Promise<UnpackedLayer> {
  return unpackStream(chunksOf(job.blob, CHUNK_BYTES), { ...job, signal, limits });
}

export interface UnpackTarget {
  /** Must not exist; its parent does. A failure leaves nothing there. */
  readonly target: string;
  /** What the uncompressed tar must hash to. */
  readonly diffId: string;
  /** See UnpackJob. */
  readonly flat?: boolean;
  readonly signal: AbortSignal;
  readonly limits: UnpackLimits;
}

/**
 * Unpacks a layer whose blob comes in chunks, compressed or not, for jobs that have more to do with them: a pull fetches, verifies
 * and unpacks in one pass. For workers only: it blocks while it writes. The layers below need not be there; `Layers.ensure` settles
 * what depends on them. Reads `chunks` to the end of the blob and closes it, also after a failure. Throws `invalid-argument` for a
 * damaged or dangerous archive, and the signal's reason.
 */
export async function unpackStream(
  chunks: AsyncIterable<Uint8Array>,
  request: UnpackTarget,
): Promise<UnpackedLayer> {
  mkdirAt(AT_FDCWD, request.target, 0o777);
  try {
    const filled = await fill(chunks, request);
    return { ...filled, ...measureTree(request.target) };
  } catch (error) {
    tryToRemove(request.target);
    throw error;
  }
}

/** What can't be removed for want of descriptors is left to the caller: why the layer failed is worth more. */
function tryToRemove(path: string): void {
  try {
    removeTreeAt(AT_FDCWD, path);
  } catch (error) {
    if (!isErrno(error, 'EMFILE', 'ENFILE')) throw error;
  }
}

async function fill(
  chunks: AsyncIterable<Uint8Array>,
  { target, diffId, flat = false, signal, limits }: UnpackTarget,
): Promise<Omit<UnpackedLayer, 'diskBytes' | 'entryCount'>> {
  const tree = new LayerTree(target);
  const sink = layerSink(tree);
  try {
    const reader = new TarReader(flat ? flatSink(sink) : sink);
    const hash = createHash('sha256');
    const guard = guardUnpacking(limits, target);
    for await (const chunk of inflate(chunks, signal, guard)) {
      signal.throwIfAborted();
      hash.update(chunk);
      reader.push(chunk);
    }
    reader.finish();
    sink.finish();
    verify(diffId, `sha256:${hash.digest('hex')}`);
    tree.release();
    const { implied, impliesRoot } = tree;
    return { ...sink.result, root: attributesOf(tree.root), implied, impliesRoot };
  } finally {
    sink.close();
    tree.close();
  }
}

/** Passes on the root and files in it. */
const flatSink = (sink: TarSink): TarSink => ({
  ...sink,
  entry: (entry) => {
    const [name, ...further] = layerPath(entry.name);
    const isGood =
      name === undefined
        ? entry.type === 'directory'
        : entry.type === 'file' && further.length === 0 && classify([name]).kind === 'entry';
    if (!isGood) throw invalidArgument(`invalid archive: "${shownName(entry.name)}" is no file in its root`);
    sink.entry(entry);
  },
});

function attributesOf(fd: number, path = ''): RootAttributes {
  const { mode, uid, gid } = statAt(fd, path);
  return { mode: mode & 0o7777, uid, gid };
}

/** Of an unpacked layer's root directory. */
export const rootOf = (directory: string): RootAttributes => attributesOf(AT_FDCWD, directory);

function verify(expected: string, actual: string): void {
  if (actual === expected) return;
  throw invalidArgument(`invalid diffID for layer: expected "${expected}", got "${actual}"`);
}
