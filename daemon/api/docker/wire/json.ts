import type { Static, TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { invalidArgument } from '../../../../common/errors.ts';

/** Reads a request's JSON into the wire type; throws `invalid-argument` that names the field. */
export type Reader<T> = (text: string) => T;

/**
 * Reads JSON as Go's decoder does, since clients rely on it: `null` is as good as absent, a key's case doesn't matter,
 * unknown keys are ignored.
 */
export function reader<S extends TObject>(schema: S): Reader<Static<S>> {
  const compiled = Compile(schema);
  return (text) => {
    const value = canonical(schema, parse(text));
    if (compiled.Check(value)) return value;
    const [first] = compiled.Errors(value);
    const field = first?.instancePath.slice(1).replaceAll('/', '.') ?? '';
    throw invalidArgument(
      `invalid JSON: ${field === '' ? 'the body' : field} ${first?.message ?? 'is wrong'}`,
    );
  };
}

function parse(text: string): unknown {
  if (text.trim() === '') throw invalidArgument('invalid JSON: got EOF while reading request body');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`invalid JSON: ${(error as Error).message}`, { cause: error });
  }
}

function canonical(schema: TSchema, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(itemsOf(schema), item));
  if (typeof value !== 'object' || value === null) return value;
  const properties = propertiesOf(schema);
  const names = new Map(Object.keys(properties).map((name) => [name.toLowerCase(), name]));
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === null) continue;
    const name = Object.hasOwn(properties, key) ? key : (names.get(key.toLowerCase()) ?? key);
    result[name] = canonical(properties[name] ?? {}, item);
  }
  return result;
}

function propertiesOf(schema: TSchema): Record<string, TSchema> {
  return (schema as { properties?: Record<string, TSchema> }).properties ?? {};
}

function itemsOf(schema: TSchema): TSchema {
  return (schema as { items?: TSchema }).items ?? {};
}
