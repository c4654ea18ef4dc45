import { invalidArgument } from '../../common/errors.ts';

/** What a document was found to be; everything at once, so that it need not be mended one error at a time. */
export interface Findings {
  /** In the words that tools know from runc: these come first. */
  readonly known: string[];
  readonly problems: string[];
  readonly warnings: string[];
}

/**
 * Reads a value at a path of the document: what it means, or undefined after a problem was noted. Unknown properties are left out
 * (runtime-spec config.md, "Extensibility"), and null is as good as absent, since Go's encoder writes it.
 */
export type Check<T> = (value: unknown, at: string, to: Findings) => T | undefined;

export type Rule<T> = (value: T, at: string, to: Findings) => void;

export const noFindings = (): Findings => ({ known: [], problems: [], warnings: [] });

export const problem = (to: Findings, at: string, text: string): undefined => {
  to.problems.push(`${at}: ${text}`);
  return undefined;
};

/** Begins with runc's text and ends with the place. */
export const knownProblem = (to: Findings, at: string, text: string): undefined => {
  to.known.push(`${text} (${at})`);
  return undefined;
};

const MOST_SHOWN = 20;
const MOST_OF_ONE = 500;

const cut = (one: string): string => (one.length > MOST_OF_ONE ? `${one.slice(0, MOST_OF_ONE)}…` : one);

/** Throws `invalid-argument` with all problems. */
export function throwFindings({ known, problems }: Findings): void {
  const all = [...known, ...problems];
  if (all.length === 0) return;
  const rest = all.length > MOST_SHOWN ? [`and ${all.length - MOST_SHOWN} more`] : [];
  throw invalidArgument([...all.slice(0, MOST_SHOWN).map(cut), ...rest].join('; '));
}

const MOST_CHARACTERS = 80;

/** A value as an error shows it. */
export function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > MOST_CHARACTERS ? `${value.slice(0, MOST_CHARACTERS)}…` : value);
}

export const text: Check<string> = (value, at, to) => {
  if (typeof value !== 'string') return problem(to, at, `${shown(value)} is not a string`);
  // The kernel's strings end there: what is behind it would be dropped.
  return value.includes('\0') ? problem(to, at, 'contains a null byte') : value;
};

export const flag: Check<boolean> = (value, at, to) =>
  typeof value === 'boolean' ? value : problem(to, at, `${shown(value)} is not true or false`);

/** A bigint is what `parseExact` makes of a number that JSON.parse would round. */
const integer =
  (least: number, most: number): Check<number> =>
  (value, at, to) => {
    const number = typeof value === 'bigint' ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most
      ? number
      : problem(to, at, `${shown(value)} is not an integer from ${least} to ${most}`);
  };

export const uint16 = integer(0, 0xffff);
export const uint32 = integer(0, 0xffff_ffff);
export const int32 = integer(-(2 ** 31), 2 ** 31 - 1);
/** The largest become a power of two as a number. */
export const uint64 = integer(0, 2 ** 64);
export const int64 = integer(-(2 ** 63), 2 ** 63);
/** For numbers whose every digit counts: those beyond 2^53 stay bigint. */
export const exact: Check<number | bigint> = (value, at, to) => {
  const number = uint64(value, at, to);
  return number !== undefined && typeof value === 'bigint' ? value : number;
};
/** For those that nobody needs so large. */
export const safe = integer(0, Number.MAX_SAFE_INTEGER);
export const between = integer;

export const oneOf =
  <T extends string>(...words: readonly T[]): Check<T> =>
  (value, at, to) =>
    words.find((word) => word === value) ??
    problem(to, at, `${shown(value)} is not one of ${words.join(', ')}`);

export const matching =
  (pattern: RegExp, what: string): Check<string> =>
  (value, at, to) => {
    const read = text(value, at, to);
    return read === undefined || pattern.test(read) ? read : problem(to, at, `${shown(read)} is not ${what}`);
  };

export const absolutePath = matching(/^\//, 'an absolute path');

/** What is wrong is left out. */
export const list =
  <T>(item: Check<T>): Check<T[]> =>
  (value, at, to) => {
    if (!Array.isArray(value)) return problem(to, at, `${shown(value)} is not an array`);
    const read: T[] = [];
    value.forEach((each: unknown, index) => {
      const one = item(each, `${at}[${index}]`, to);
      if (one !== undefined) read.push(one);
    });
    return read;
  };

/** A profile has hundreds, and no path is made for what is sound. */
export const texts: Check<string[]> = (value, at, to) => {
  if (!Array.isArray(value)) return problem(to, at, `${shown(value)} is not an array`);
  const isSound = (each: unknown): boolean => typeof each === 'string' && !each.includes('\0');
  if (value.every(isSound)) return value as string[];
  list(text)(value, at, to);
  return undefined;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const record =
  <T>(item: Check<T>): Check<Record<string, T>> =>
  (value, at, to) => {
    if (!isObject(value)) return problem(to, at, `${shown(value)} is not an object`);
    const entries = Object.entries(value).flatMap(([key, each]) => {
      const place = `${at}[${shown(key)}]`;
      const name = text(key, place, to);
      const one = item(each, place, to);
      return name === undefined || one === undefined ? [] : [[name, one] as const];
    });
    // Defines properties, also one named `__proto__`.
    return Object.fromEntries(entries);
  };

type Fields<T> = { readonly [K in keyof T]-?: Check<NonNullable<T[K]>> };

interface Absent<T> {
  readonly required?: readonly (keyof T & string)[];
  /** Go's zero values, where the type has no place for absence. */
  readonly zero?: Partial<T>;
}

/** Undefined when a required field is missing or wrong; an optional one that is wrong is left out. */
export function object<T extends object>(
  fields: Fields<T>,
  { required = [], zero = {} }: Absent<T> = {},
): Check<T> {
  const checks = Object.entries(fields) as [keyof T & string, Check<unknown>][];
  return (value, at, to) => {
    if (!isObject(value)) return problem(to, at, `${shown(value)} is not an object`);
    const read: Partial<Record<keyof T, unknown>> = {};
    const prefix = at === '' ? '' : `${at}.`;
    let isWhole = true;
    for (const [name, check] of checks) {
      const given = value[name] ?? zero[name];
      const one = given === undefined ? undefined : check(given, prefix + name, to);
      if (one !== undefined) read[name] = one;
      else if (required.includes(name)) {
        isWhole = false;
        if (given === undefined) problem(to, prefix + name, 'is required');
      } else if (name in zero) isWhole = false;
    }
    return isWhole ? (read as T) : undefined;
  };
}

/** A rule among the fields of what is sound by itself. */
export const also =
  <T>(check: Check<T>, rule: Rule<T>): Check<T> =>
  (value, at, to) => {
    const read = check(value, at, to);
    if (read !== undefined) rule(read, at, to);
    return read;
  };
