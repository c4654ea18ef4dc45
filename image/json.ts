import { invalidArgument, messageOf } from '../common/errors.ts';

/** Readers of documents that others wrote: they return what was asked for or throw `invalid-argument` naming the place. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw invalidArgument(`invalid ${what}: ${messageOf(error)}`, { cause: error });
  }
}

export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw invalidArgument(`invalid ${what}: expected an object`);
}

/** An absent or null list is empty. */
export function asList(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as unknown[];
  throw invalidArgument(`invalid ${what}: expected a list`);
}

export const asStrings = (value: unknown, what: string): string[] =>
  asList(value, what).map((item) => asString(item, what));

export function asString(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw invalidArgument(`invalid ${what}: expected a string`);
}

/** An absent or null string is undefined. */
export const optionalString = (value: unknown, what: string): string | undefined =>
  value === undefined || value === null ? undefined : asString(value, what);

/** A map from names to strings; absent or null is empty. */
export function asStringMap(value: unknown, what: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  const entries = Object.entries(asObject(value, what));
  return Object.fromEntries(entries.map(([key, item]) => [key, asString(item, `${what}.${key}`)]));
}
