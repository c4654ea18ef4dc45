import { constants } from 'node:os';
import { invalidArgument } from '../../common/errors.ts';

const names: Readonly<Record<string, number>> = constants.signals;
const RTMIN = 34;
const MAX = 64;

/** A number, or a name in any case with or without `SIG`; 0 only asks. Throws `invalid-argument`, in runc's words. */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : numberOf(text.toUpperCase().replace(/^SIG/, ''));
  if (number === undefined || number > MAX) throw invalidArgument(`unknown signal ${JSON.stringify(text)}`);
  return number;
}

function numberOf(name: string): number | undefined {
  const realTime = /^RT(MIN(?:\+(\d+))?|MAX(?:-(\d+))?)$/.exec(name);
  if (realTime === null) return names[`SIG${name}`];
  const [, which = '', up = '0', down = '0'] = realTime;
  return which.startsWith('MIN') ? RTMIN + Number(up) : MAX - Number(down);
}
