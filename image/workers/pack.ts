import { dirname } from 'node:path';
import { layerTar } from '../roots/layer-tar.ts';
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
  const tar = from === undefined ? inflate(input, signal, guard) : layerTar(from.upper, from.lowers);
  return writeLayerBlob(tar, { file, signal, plain });
}
