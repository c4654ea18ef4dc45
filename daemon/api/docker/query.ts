import { invalidArgument } from '../../../common/errors.ts';

/** A parsed query string; of a repeated key only the first value counts, as in docker. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export function text(query: Query, key: string): string | undefined {
  const value = query[key];
  const first = typeof value === 'string' ? value : value?.[0];
  return first === '' ? undefined : first;
}

/** All values of a key that may be repeated, without empty ones. */
export function texts(query: Query, key: string): readonly string[] {
  const value = query[key];
  return (typeof value === 'string' ? [value] : (value ?? [])).filter((each) => each !== '');
}

const FALSE = new Set(['', '0', 'no', 'false', 'none']);

/** Docker takes anything but an empty value, `0`, `no`, `false` and `none` for true. */
export function flag(query: Query, key: string, unset = false): boolean {
  if (query[key] === undefined) return unset;
  return !FALSE.has((text(query, key) ?? '').trim().toLowerCase());
}

/** A decimal integer, as Go's strconv.Atoi reads it. Throws `invalid-argument`. */
export function integer(query: Query, key: string): number | undefined {
  const value = text(query, key);
  if (value === undefined) return undefined;
  if (!/^[+-]?\d+$/.test(value))
    throw invalidArgument(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}

/** Rows or columns of a console; what is missing is as wrong as what is not a number. */
export function consoleLength(query: Query, key: 'h' | 'w'): number {
  const value = text(query, key) ?? '';
  const name = key === 'h' ? 'height' : 'width';
  const fail = (reason: string) =>
    invalidArgument(`invalid resize ${name} ${JSON.stringify(value)}: ${reason}`);
  if (!/^-?\d+$/.test(value)) throw fail('invalid syntax');
  if (value.startsWith('-') || Number(value) > 0xffff_ffff) throw fail('value out of range');
  return Number(value);
}

/** `seconds[.fraction]` since the epoch, in nanoseconds; undefined when unset. */
export function timestampNs(query: Query, key: string): bigint | undefined {
  const value = text(query, key);
  if (value === undefined) return undefined;
  const match = /^(-?\d+)(?:\.(\d*))?$/.exec(value);
  if (match === null) {
    throw invalidArgument(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  const [, seconds = '0', fraction = ''] = match;
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}
