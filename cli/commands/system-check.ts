import { bool, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { shortId } from '../format/ids.ts';
import { print } from '../output.ts';

/** One element of `POST /wherry/system/check`. */
interface Damage {
  readonly What: string;
  readonly Digest: string;
  readonly Images: readonly string[];
  readonly Problem: string;
  readonly Repaired: boolean;
}

/** Ends with 1 when something is damaged and was not repaired. */
export const systemCheck = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    format: text("Print with 'json'"),
    repair: bool('Fetch and unpack again what is damaged'),
  },
  arity: [0, 0],
  run: async ({ daemon, flags }) => {
    const query = { repair: flags.repair ? 1 : 0 };
    const answer = await daemon.send({ method: 'POST', path: '/wherry/system/check', query });
    const json = await answer.text();
    const damages = JSON.parse(json) as Damage[];
    print(
      flags.format === 'json' ? json : damages.map((damage) => lineOf(damage)).join('') + summary(damages),
    );
    return damages.every(({ Repaired }) => Repaired) ? 0 : 1;
  },
});

const lineOf = ({ What, Digest, Images, Problem, Repaired }: Damage): string =>
  `${What} ${Digest}: ${Problem}${Repaired ? ' (repaired)' : ''}${Images.length === 0 ? '' : `, of ${Images.map((id) => shortId(id)).join(', ')}`}\n`;

const summary = (damages: readonly Damage[]): string =>
  damages.length === 0
    ? 'No damage was found\n'
    : `${damages.length} damaged, ${damages.filter(({ Repaired }) => Repaired).length} repaired\n`;
