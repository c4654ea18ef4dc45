import { print } from '../output.ts';
import type { Daemon } from '../http/daemon.ts';
import { type Layer, layerTable } from '../image/layers.ts';

/** `image inspect --layers`: a table for each image, or JSON. */
export async function printLayers(daemon: Daemon, images: readonly string[], format: string): Promise<void> {
  const found: { Image: string; Layers: Layer[] }[] = [];
  for (const image of images) {
    const path = `/wherry/images/${encodeURIComponent(image)}/layers`;
    const answer = await daemon.send({ method: 'GET', path });
    found.push({ Image: image, Layers: JSON.parse(await answer.text()) as Layer[] });
  }
  if (format === 'json') print(`${JSON.stringify(found)}\n`);
  else {
    const titled = found.map(
      ({ Image, Layers }) => `${images.length > 1 ? `${Image}\n` : ''}${layerTable(Layers, true)}`,
    );
    print(titled.join('\n'));
  }
}
