const UNITS = 'bkmgtp';

/** `512`, `64k`, `1.5g`, `2GiB` in bytes, as docker reads a size: powers of 1024. Throws for anything else. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (match === null) throw new Error(`invalid size: '${text}'`);
  const [, number = '', unit = ''] = match;
  return Math.trunc(Number(number) * 1024 ** Math.max(0, UNITS.indexOf(unit.toLowerCase() || 'b')));
}

/** A number of processors in billionths: `1.5` is 1500000000. */
export function parseCpus(text: string): number {
  if (!/^\d*\.?\d+$/.test(text)) throw new Error(`failed to parse ${text} as a rational number`);
  if ((text.split('.')[1] ?? '').replace(/0+$/, '').length > 9) throw new Error('value is too precise');
  return Math.round(Number(text) * 1e9);
}
