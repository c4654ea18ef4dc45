import { humanSize } from '../format/units.ts';
import { alignColumns } from '../format/table.ts';

/** One element of `GET /wherry/images/{name}/layers`. */
export interface Layer {
  readonly Digest: string | null;
  readonly CompressedSize: number | null;
  readonly DiffId: string;
  readonly ChainId: string;
  readonly Directory: string;
  readonly Size: number;
  readonly DiskSize: number;
  readonly Images: readonly string[];
}

/** Beyond Docker's twelve digits: enough to find the files, short enough for a line. */
const shorten = (digest: string | null): string =>
  digest === null ? '-' : digest.replace(/^sha256:/, '').slice(0, 12);

/** A table of layers, lowest first, as the command line prints them. */
export function layerTable(layers: readonly Layer[], short: boolean): string {
  const show = (digest: string | null): string => (short ? shorten(digest) : (digest ?? '-'));
  const rows = layers.map((layer, index) =>
    [
      String(index + 1),
      show(layer.Digest),
      show(layer.DiffId),
      show(layer.ChainId),
      humanSize(layer.Size, 4),
      humanSize(layer.DiskSize, 4),
      String(layer.Images.length),
      layer.Directory,
    ].join('\t'),
  );
  const heading = ['LAYER', 'DIGEST', 'DIFF ID', 'CHAIN ID', 'SIZE', 'ON DISK', 'IMAGES', 'DIRECTORY'].join(
    '\t',
  );
  return alignColumns(`${heading}\n${rows.map((row) => `${row}\n`).join('')}`, { minimum: 6, padding: 2 });
}

export const layerLine = (layer: Layer): string =>
  `${shorten(layer.ChainId)}  ${humanSize(layer.Size, 4).padStart(8)}  ${layer.Directory}`;
