import { invalidArgument } from '../../../common/errors.ts';

/** The `filters` of a list: each key's values are alternatives, unless said otherwise. */
export interface Filters {
  has(key: string): boolean;
  values(key: string): readonly string[];
  /** No filter of that key, or the value is one of its values. */
  exact(key: string, value: string): boolean;
  /** As `exact`, or one of the filter's values is a regular expression that finds something in the value. */
  matches(key: string, value: string): boolean;
  /** As `exact`, or the value starts with one of the filter's. */
  prefix(key: string, value: string): boolean;
  /** Every `name` or `name=value` of the filter is among the labels. */
  labels(key: string, labels: Readonly<Record<string, string>>): boolean;
  /** Throws `invalid-argument` unless the value is a truth value and the only one. */
  truth(key: string): boolean | undefined;
}

/**
 * Reads `{"key":["value"]}` (old clients) and `{"key":{"value":true}}`. Throws docker's `invalid filter` for anything else and
 * for a key that is not among `accepted`.
 */
export function parseFilters(json: string | undefined, accepted: readonly string[] | undefined): Filters {
  const table = readTable(json);
  if (accepted !== undefined) {
    for (const key of table.keys())
      if (!accepted.includes(key)) throw invalidArgument(`invalid filter '${key}'`);
  }
  const values = (key: string): readonly string[] => table.get(key) ?? [];
  const unset = (key: string): boolean => values(key).length === 0;
  const exact = (key: string, value: string): boolean => unset(key) || values(key).includes(value);
  return {
    has: (key) => table.has(key),
    values,
    exact,
    matches: (key, value) => exact(key, value) || values(key).some((pattern) => finds(pattern, value)),
    prefix: (key, value) => exact(key, value) || values(key).some((start) => value.startsWith(start)),
    labels: (key, labels) => values(key).every((wanted) => hasLabel(labels, wanted)),
    truth: (key) => readTruth(key, table.get(key)),
  };
}

/** Throws `invalid-argument` for a value that the filter can't have. */
export function eachValue(filters: Filters, key: string, check: (value: string) => void): void {
  for (const value of filters.values(key)) check(value);
}

function readTable(json: string | undefined): Map<string, readonly string[]> {
  if (json === undefined) return new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw invalidArgument('invalid filter');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw invalidArgument('invalid filter');
  return new Map(Object.entries(parsed).map(([key, value]) => [key, readValues(value)]));
}

function readValues(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidArgument('invalid filter');
  const entries = Object.entries(value);
  if (entries.some(([, set]) => typeof set !== 'boolean')) throw invalidArgument('invalid filter');
  return entries.map(([entry]) => entry);
}

function readTruth(key: string, values: readonly string[] | undefined): boolean | undefined {
  if (values === undefined) return undefined;
  const yes = values.includes('1') || values.includes('true');
  const no = values.includes('0') || values.includes('false');
  if (yes === no) throw invalidArgument(`invalid filter '${key}=[${values.join(' ')}]'`);
  return yes;
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf('=');
  const name = at === -1 ? wanted : wanted.slice(0, at);
  if (!Object.hasOwn(labels, name)) return false;
  return at === -1 || labels[name] === wanted.slice(at + 1);
}

/** A pattern that is no regular expression matches nothing, as in docker. */
function finds(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern).test(value);
  } catch {
    return false;
  }
}
