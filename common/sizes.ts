import { invalidArgument } from './errors.ts';

const UNITS = 'bkmgtp';

/** `512`, `64k`, `1.5g`, `2GiB` in bytes, as docker reads a size: powers of 1024. Throws `invalid-argument` for anything else. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (match === null) throw invalidArgument(`invalid size: '${text}'`);
  const [, number = '', unit = ''] = match;
  return Math.trunc(Number(number) * 1024 ** Math.max(0, UNITS.indexOf(unit.toLowerCase() || 'b')));
}
