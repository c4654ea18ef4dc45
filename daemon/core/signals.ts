import { constants } from 'node:os';
import { invalidArgument } from '../../common/errors.ts';

const RTMIN = 34;
const RTMAX = 64;

/**
 * A signal's number from `KILL`, `SIGKILL`, `sigkill`, `9`, `RTMIN+3`, `RTMAX-2`. Throws `invalid-argument` with docker's text.
 */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : namedSignal(text.toUpperCase().replace(/^SIG/, ''));
  if (number === undefined || number === 0) throw invalidArgument(`invalid signal: ${text}`);
  if (number > RTMAX) throw invalidArgument(`the linux daemon does not support signal ${number}`);
  return number;
}

/** `SIGTERM` for 15; its number where it has no name. */
export const signalName = (number: number): string =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;

function namedSignal(name: string): number | undefined {
  const realTime = /^(RTMIN|RTMAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime !== null) {
    const [, base = '', sign = '+', distance = '0'] = realTime;
    if ((base === 'RTMIN') !== (sign === '+') && realTime[2] !== undefined) return undefined;
    const number = base === 'RTMIN' ? RTMIN + Number(distance) : RTMAX - Number(distance);
    return number >= RTMIN && number <= RTMAX ? number : undefined;
  }
  return (constants.signals as Readonly<Record<string, number>>)[`SIG${name === 'CLD' ? 'CHLD' : name}`];
}
