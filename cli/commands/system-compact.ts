import { text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { shortId } from '../format/ids.ts';
import { humanSize } from '../format/units.ts';
import { print } from '../output.ts';

/** One element of `POST /wherry/system/compact`. */
interface Compacted {
  readonly Digest: string;
  readonly Size: number;
  readonly Dropped: boolean;
  readonly RecipeSize: number;
  readonly Reason: string;
}

/** Says of each blob that was kept until now what became of it. */
export const systemCompact = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: text("Print with 'json'") },
  arity: [0, 0],
  run: async ({ daemon, flags }) => {
    const answer = await daemon.send({ method: 'POST', path: '/wherry/system/compact' });
    const json = await answer.text();
    const blobs = JSON.parse(json) as Compacted[];
    print(flags.format === 'json' ? json : blobs.map((blob) => lineOf(blob)).join('') + summary(blobs));
    return 0;
  },
});

const lineOf = ({ Digest, Size, Dropped, RecipeSize, Reason }: Compacted): string =>
  Dropped
    ? `${shortId(Digest)}: dropped ${humanSize(Size, 4)}, its recipe takes ${humanSize(RecipeSize, 4)}\n`
    : `${shortId(Digest)}: kept ${humanSize(Size, 4)}: ${Reason}\n`;

const summary = (blobs: readonly Compacted[]): string => {
  const dropped = blobs.filter((blob) => blob.Dropped);
  const bytes = dropped.reduce((sum, { Size, RecipeSize }) => sum + Size - RecipeSize, 0);
  return `Dropped ${dropped.length} of ${blobs.length} blobs, reclaimed ${humanSize(bytes, 4)}\n`;
};
