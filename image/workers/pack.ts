import { dirname } from 'node:path';
import { layerTar, pairTar } from '../roots/layer-tar.ts';
import { inflate } from './inflate.ts';
import type { LayerBlob, PackJob } from './jobs.ts';
import { guardUnpacking, type Bounds } from './limits.ts';
import { writeLayerBlob } from './layer-blob.ts';

/** Runs a PackJob. */
export async function pack(
  { file, from, plain = false }: PackJob,
  input: AsyncIterable<Uint8Array>,
  { signal, limits }: Bounds,
): Promise<LayerBlob> {
  const guard = guardUnpacking(limits, dirname(file));
  const tar = tarOf(from, signal) ?? inflate(input, signal, guard);
  return writeLayerBlob(tar, { file, signal, plain });
}

function tarOf(
  from: PackJob['from'],
  signal: AbortSignal,
): Iterable<Uint8Array> | AsyncIterable<Uint8Array> | undefined {
  if (from === undefined) return undefined;
  return 'upper' in from ? layerTar(from.upper, from.lowers) : pairTar(from, signal);
}
