import { invalidArgument } from '../../../common/errors.ts';
import type { Property } from './properties.ts';
import { variant, type Variant } from './wire.ts';

const PREFIX = 'org.systemd.property.';

/**
 * Annotations `org.systemd.property.<Name>` with a value in GVariant's text form become properties of the unit, as with runc:
 * `TimeoutStopUSec: "uint64 123"`, `CollectMode: "'inactive-or-failed'"`. Names in seconds are converted. Throws
 * `invalid-argument`.
 */
export function annotatedProperties(annotations: Readonly<Record<string, string>> = {}): Property[] {
  return Object.entries(annotations).flatMap(([key, text]): Property[] => {
    if (!key.startsWith(PREFIX)) return [];
    const name = key.slice(PREFIX.length);
    if (name.length < 3 || !/^[a-zA-Z]+$/.test(name))
      throw invalidArgument(`annotation ${key} name incorrect: ${name}`);
    const value = parseVariant(text);
    if (value === undefined) throw invalidArgument(`annotation ${key}=${text} value parse error`);
    const seconds = /^(.*[a-z])Sec$/.exec(name)?.[1];
    return [
      seconds === undefined || seconds.endsWith('U')
        ? [name, value]
        : [`${seconds}USec`, microseconds(key, value)],
    ];
  });
}

function microseconds(key: string, { value }: Variant): Variant {
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw invalidArgument(`annotation ${key}: not a number`);
  return variant('t', BigInt(Math.round(Number(value) * 1e6)));
}

const TYPES: Readonly<Record<string, string>> = {
  byte: 'y',
  int16: 'n',
  uint16: 'q',
  int32: 'i',
  uint32: 'u',
  int64: 'x',
  uint64: 't',
  double: 'd',
};

/** The part of GVariant's text form that properties are written in: booleans, numbers, strings, lists of one of them. */
function parseVariant(text: string): Variant | undefined {
  const trimmed = text.trim();
  if (trimmed === 'true' || trimmed === 'false') return variant('b', trimmed === 'true');
  const string = /^(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")$/.exec(trimmed);
  if (string !== null) return variant('s', (string[1] ?? string[2] ?? '').replace(/\\(.)/g, '$1'));
  const number = /^(?:([a-z0-9]+)\s+)?(-?\d+(?:\.\d+)?)$/.exec(trimmed);
  if (number !== null) return numberOf(number[1], number[2] ?? '');
  const list = /^\[(.*)\]$/.exec(trimmed);
  return list === null ? undefined : listFrom(list[1] ?? '');
}

function numberOf(type: string | undefined, digits: string): Variant | undefined {
  const signature = type === undefined ? (digits.includes('.') ? 'd' : 'i') : TYPES[type];
  if (signature === undefined || (signature !== 'd' && digits.includes('.'))) return undefined;
  return variant(signature, signature === 't' || signature === 'x' ? BigInt(digits) : Number(digits));
}

function listFrom(text: string): Variant | undefined {
  const parts = text.match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,\s][^,]*/g) ?? [];
  const values = parts.map(parseVariant);
  const [first] = values;
  if (first === undefined) return undefined;
  if (values.some((each) => each?.signature !== first.signature)) return undefined;
  return variant(
    `a${first.signature}`,
    values.flatMap((each) => (each === undefined ? [] : [each.value])),
  );
}
