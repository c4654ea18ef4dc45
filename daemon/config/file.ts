import { readFile } from 'node:fs/promises';
import { invalidArgument, messageOf } from '../../common/errors.ts';
import { OPTIONS, type Option, type Value } from './options.ts';

export const DEFAULT_CONFIG_FILE = '/etc/wherry/daemon.json';

/**
 * Reads daemon.json. A missing file is an empty one, unless it was asked for. Throws `invalid-argument` that names the file and
 * every key that is no option.
 */
export async function readConfigFile(path: string | undefined): Promise<ReadonlyMap<string, Value>> {
  const file = path ?? DEFAULT_CONFIG_FILE;
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (path === undefined && error.code === 'ENOENT') return '';
    throw invalidArgument(`Cannot read the configuration file "${file}": ${error.code ?? error.message}`, {
      cause: error,
    });
  });
  return parseConfig(text, file);
}

/** The keys of a daemon.json's text. */
export function parseConfig(text: string, file: string): ReadonlyMap<string, Value> {
  if (text.trim() === '') return new Map();
  const entries = Object.entries(parseObject(text.replace(/^\uFEFF/, ''), file)).map(renamed);
  const known = new Map(OPTIONS.map((option) => [option.key, option]));
  const unknown = entries.map(([key]) => key).filter((key) => !known.has(key));
  if (unknown.length > 0) {
    throw invalidArgument(
      `The configuration file "${file}" has unknown keys: the following directives don't match any configuration option: ${unknown.join(', ')}`,
    );
  }
  return new Map(
    entries.flatMap(([key, value]) => {
      const option = known.get(key);
      return option === undefined || value === null ? [] : [[key, typed(option, value, file)] as const];
    }),
  );
}

/** Docker still takes the name from before there could be several. */
const renamed = ([key, value]: readonly [string, unknown]): readonly [string, unknown] =>
  key === 'host-gateway-ip' && typeof value === 'string' ? ['host-gateway-ips', [value]] : [key, value];

function parseObject(text: string, file: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`Cannot parse the configuration file "${file}": ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw invalidArgument(`The configuration file "${file}" holds no JSON object`);
}

function typed({ key, kind }: Option, value: unknown, file: string): Value {
  const fits =
    kind === 'list'
      ? Array.isArray(value)
      : kind === 'map'
        ? typeof value === 'object' && !Array.isArray(value)
        : kind === 'integer'
          ? Number.isSafeInteger(value)
          : typeof value === kind;
  if (fits) return value as Value;
  const wanted = {
    list: 'a list',
    map: 'an object',
    integer: 'an integer',
    string: 'a string',
    boolean: 'true or false',
  };
  throw invalidArgument(`The configuration file "${file}": "${key}" must be ${wanted[kind]}`);
}
