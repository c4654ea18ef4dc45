import { isIP } from 'node:net';
import { invalidArgument, notImplemented } from '../../common/errors.ts';
import { OPTIONS, type Value } from './options.ts';

/** Typed access to the merged options; each throws `invalid-argument` that names the key and the value. */
export interface Values {
  text(key: string): string | undefined;
  absolutePath(key: string): string | undefined;
  oneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined;
  flag(key: string): boolean | undefined;
  integer(key: string, range: { readonly min: number; readonly max: number }): number | undefined;
  list(key: string): readonly string[] | undefined;
  /** Of any type. */
  items(key: string): readonly unknown[] | undefined;
  addresses(key: string): readonly string[] | undefined;
  map(key: string): Readonly<Record<string, unknown>> | undefined;
}

/** Throws `not-implemented` for an option whose value asks for what we don't do. */
export function refuseUnsupported(values: ReadonlyMap<string, Value>): void {
  for (const option of OPTIONS) {
    const value = values.get(option.key);
    if (value === undefined || (option.accepts?.(value) ?? true)) continue;
    throw notImplemented(
      `The option "${option.key}" is not supported yet with the value ${JSON.stringify(value)}`,
    );
  }
}

/** Options that were given and change nothing, each with the reason. */
export const ignoredOptions = (
  values: ReadonlyMap<string, Value>,
): readonly { readonly option: string; readonly reason: string }[] =>
  OPTIONS.flatMap(({ key, ignored }) => {
    const value = values.get(key);
    const reason = value === undefined ? undefined : ignored?.(value);
    return reason === undefined ? [] : [{ option: key, reason }];
  });

export function readValues(values: ReadonlyMap<string, Value>): Values {
  const text = (key: string) => {
    const value = values.get(key) as string | undefined;
    return value === '' ? undefined : value;
  };
  const fail = (key: string, wanted: string) =>
    invalidArgument(`The option "${key}" is ${JSON.stringify(values.get(key))}, it must be ${wanted}`);
  const list = (key: string) => {
    const value = values.get(key) as readonly unknown[] | undefined;
    if (value?.some((item) => typeof item !== 'string') === true) throw fail(key, 'a list of strings');
    return value as readonly string[] | undefined;
  };
  return {
    text,
    absolutePath: (key) => {
      const value = text(key);
      if (value !== undefined && !value.startsWith('/')) throw fail(key, 'an absolute path');
      return value;
    },
    oneOf: (key, allowed) => {
      const value = text(key);
      const found = allowed.find((word) => word === value);
      if (value !== undefined && found === undefined) throw fail(key, `one of ${allowed.join(', ')}`);
      return found;
    },
    flag: (key) => values.get(key) as boolean | undefined,
    integer: (key, { min, max }) => {
      const value = values.get(key) as number | undefined;
      if (value !== undefined && (value < min || value > max)) throw fail(key, `between ${min} and ${max}`);
      return value;
    },
    list,
    items: (key) => values.get(key) as readonly unknown[] | undefined,
    addresses: (key) => {
      const value = list(key);
      if (value?.some((address) => isIP(address) === 0) === true) throw fail(key, 'a list of IP addresses');
      return value;
    },
    map: (key) => values.get(key) as Readonly<Record<string, unknown>> | undefined,
  };
}
