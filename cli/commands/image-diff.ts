import { bool, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { humanSize } from '../format/units.ts';
import { jsonLines } from '../http/progress.ts';
import { type Layer, layerLine } from '../image/layers.ts';
import { print } from '../output.ts';

interface Difference {
  readonly Shared: readonly Layer[];
  readonly OnlyFrom: readonly Layer[];
  readonly OnlyTo: readonly Layer[];
}

export const imageDiff = defineCommand({
  usage: '[OPTIONS] IMAGE IMAGE',
  flags: {
    format: text("Print with 'json'"),
    paths: bool('Tell which paths are added (A), changed (C) and deleted (D), instead of layers'),
  },
  arity: [2, 2],
  run: async ({ daemon, flags, args: [from = '', to = ''] }) => {
    const query = { from, to, ...(flags.paths ? { paths: '1' } : {}) };
    const answer = await daemon.send({ method: 'GET', path: '/wherry/images/diff', query });
    if (flags.paths) {
      for await (const line of jsonLines(answer.body)) {
        print(flags.format === 'json' ? `${line}\n` : pathLine(JSON.parse(line) as PathChange));
      }
      return 0;
    }
    const json = await answer.text();
    print(flags.format === 'json' ? json : render(JSON.parse(json) as Difference, from, to));
    return 0;
  },
});

function render({ Shared, OnlyFrom, OnlyTo }: Difference, from: string, to: string): string {
  const lines = (sign: string, layers: readonly Layer[]) =>
    layers.map((layer) => `${sign} ${layerLine(layer)}`);
  const sum = (layers: readonly Layer[]) =>
    humanSize(
      layers.reduce((total, { Size }) => total + Size, 0),
      4,
    );
  return [
    `--- ${from}  ${OnlyFrom.length} own layers, ${sum(OnlyFrom)}`,
    `+++ ${to}  ${OnlyTo.length} own layers, ${sum(OnlyTo)}`,
    ...lines(' ', Shared),
    ...lines('-', OnlyFrom),
    ...lines('+', OnlyTo),
    '',
  ].join('\n');
}

const LETTERS: Readonly<Record<string, string>> = { added: 'A', changed: 'C', deleted: 'D' };

interface PathChange {
  readonly Path: string;
  readonly Kind: string;
  readonly Aspects: readonly string[];
}

function pathLine({ Path, Kind, Aspects }: PathChange): string {
  const why = Aspects.length === 0 ? '' : ` (${Aspects.join(', ')})`;
  return `${LETTERS[Kind] ?? '?'} ${Path}${why}\n`;
}
