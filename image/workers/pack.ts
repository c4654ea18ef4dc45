import { dirname } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import { layerTar } from '../roots/layer-tar.ts';
import { inflate } from './inflate.ts';
import type { LayerBlob, PackJob } from './jobs.ts';
import { guardUnpacking, type Bounds } from './limits.ts';
import { writeLayerBlob } from './layer-blob.ts';

/** Runs a PackJob. */
export async function pack(
  { file, from }: PackJob,
  input: AsyncIterable<Uint8Array>,
  { signal, limits }: Bounds,
): Promise<LayerBlob> {
  const guard = guardUnpacking(limits, dirname(file));
  const tar =
    from === undefined ? inflate(known(input), signal, guard) : layerTar(from.upper, from.lowers);
  return writeLayerBlob(tar, { file, signal });
}

const UNKNOWN = [
  ['bzip2', '425a68'],
  ['xz', 'fd377a585a00'],
] as const;
const MAGIC_BYTES = 6;

/** Says what is wrong with formats that docker reads and Node does not. */
async function* known(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  let isKnown = false;
  for await (const chunk of input) {
    if (isKnown) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.byteLength < MAGIC_BYTES) continue;
    refuseUnknown(head);
    isKnown = true;
    yield head;
  }
  if (!isKnown && head.byteLength > 0) yield head;
}

function refuseUnknown(head: Uint8Array): void {
  const magic = Buffer.from(head.subarray(0, MAGIC_BYTES)).toString('hex');
  const format = UNKNOWN.find(([, start]) => magic.startsWith(start))?.[0];
  if (format === undefined) return;
  throw invalidArgument(`cannot import an archive compressed with ${format}: use gzip, zstd or none`);
}
