import { toJson } from '../json.ts';
import { display, isTrue, sprintf } from './values.ts';

export type TemplateFunction = (...values: unknown[]) => unknown;
export type TemplateFunctions = Readonly<Record<string, TemplateFunction>>;

const string = (value: unknown): string => display(value);

const builtins: TemplateFunctions = {
  not: (value) => !isTrue(value),
  eq: (first, ...others) => others.some((other) => same(first, other)),
  ne: (first, second) => !same(first, second),
  lt: (first, second) => compare(first, second) < 0,
  le: (first, second) => compare(first, second) <= 0,
  gt: (first, second) => compare(first, second) > 0,
  ge: (first, second) => compare(first, second) >= 0,
  len: (value) => lengthOf(value),
  index: (value, ...keys) => keys.reduce((inner, key) => indexOf(inner, key), value),
  slice: (value, from = 0, to = lengthOf(value)) =>
    (value as string | unknown[]).slice(Number(from), Number(to)),
  print: (...values) => sprint(values),
  println: (...values) => `${values.map(string).join(' ')}\n`,
  printf: (format, ...values) => sprintf(string(format), values),
  html: (...values) => escapeWith(sprint(values), HTML),
  js: (...values) => escapeWith(sprint(values), JS),
  urlquery: (...values) => queryEscape(sprint(values)),
};

/** What docker adds to Go's. */
const dockers: TemplateFunctions = {
  json: (value) => toJson(value),
  split: (text, separator) => string(text).split(string(separator)),
  join: (items, separator) => ((items ?? []) as unknown[]).map(string).join(string(separator)),
  title: (text) => string(text).replace(/(^|\s)\p{L}/gu, (letter) => letter.toUpperCase()),
  lower: (text) => string(text).toLowerCase(),
  upper: (text) => string(text).toUpperCase(),
  pad: (text, before, after) => pad(string(text), Number(before), Number(after)),
  truncate: (text, length) => string(text).slice(0, Number(length)),
};

/** All functions but `and` and `or`, which do not evaluate what they need not. */
export const functions: TemplateFunctions = { ...builtins, ...dockers };

/** In a table's heading a column's name stays as it is, whatever the rows do with their values. */
export const headerFunctions: TemplateFunctions = Object.fromEntries(
  ['json', 'split', 'join', 'title', 'lower', 'upper', 'truncate'].map((name) => [
    name,
    (value: unknown) => value,
  ]),
);

/** Go's Sprint: a blank between two values of which neither is a string. */
const sprint = (values: readonly unknown[]): string =>
  values
    .map((value, index) => {
      const isApart = index > 0 && typeof value !== 'string' && typeof values[index - 1] !== 'string';
      return `${isApart ? ' ' : ''}${string(value)}`;
    })
    .join('');

const HTML: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&#34;',
  "'": '&#39;',
};
const JS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

/** Go's QueryEscape. */
const queryEscape = (text: string): string =>
  encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replaceAll(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);

const escapeWith = (text: string, table: Readonly<Record<string, string>>): string =>
  Array.from(text, (character) => table[character] ?? character).join('');

const pad = (text: string, before: number, after: number): string =>
  text === '' ? text : ' '.repeat(before) + text + ' '.repeat(after);

function same(first: unknown, second: unknown): boolean {
  if (first === undefined || first === null) return second === undefined || second === null;
  if (typeof first === 'bigint' || typeof second === 'bigint') return display(first) === display(second);
  if (typeof second !== typeof first && second !== undefined && second !== null) {
    throw new Error('incompatible types for comparison');
  }
  return first === second;
}

function compare(first: unknown, second: unknown): number {
  if (typeof first !== typeof second) throw new Error('incompatible types for comparison');
  const [a, b] = [first, second] as [number, number];
  return a < b ? -1 : Number(a > b);
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length;
  if (value === null || value === undefined) throw new Error('len of nil pointer');
  throw new Error(`len of type ${typeof value}`);
}

function indexOf(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    const at = Number(key);
    if (at < 0 || at >= value.length) throw new Error(`index out of range: ${at}`);
    return value[at];
  }
  if (typeof value === 'object' && value !== null) {
    return Object.hasOwn(value, String(key)) ? (value as Record<string, unknown>)[String(key)] : '';
  }
  if (value === null || value === undefined) return undefined;
  throw new Error(`can't index item of type ${typeof value}`);
}
