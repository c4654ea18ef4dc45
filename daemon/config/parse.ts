import { invalidArgument } from '../../common/errors.ts';

export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** RLIMIT_* of getrlimit(2), in docker's spelling. */
const LIMITS = [
  ...['as', 'core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc', 'rss'],
  ...['rtprio', 'rttime', 'sigpending', 'stack'],
];

/** `{"nofile": {"Name":"nofile","Soft":1,"Hard":2}}` of the file, and `{"nofile": "1:2"}` of the flags. */
export function parseUlimits(map: Readonly<Record<string, unknown>>): readonly Ulimit[] {
  return Object.entries(map).map(([name, value]) => {
    if (!LIMITS.includes(name))
      throw invalidArgument(`The option "default-ulimits": there is no limit "${name}"`);
    const limit = typeof value === 'string' ? fromText(name, value) : fromObject(name, value);
    if (limit.hard !== -1 && (limit.soft === -1 || limit.soft > limit.hard)) {
      throw invalidArgument(
        `ulimit soft limit must be less than or equal to hard limit: ${limit.soft} > ${limit.hard}`,
      );
    }
    return limit;
  });
}

function fromText(name: string, text: string): Ulimit {
  const match = /^(-1|\d+)(?::(-1|\d+))?$/.exec(text);
  if (match === null)
    throw invalidArgument(`The option "default-ulimits": "${name}=${text}" must be soft[:hard]`);
  const [, soft = '', hard = soft] = match;
  return { name, soft: Number(soft), hard: Number(hard) };
}

function fromObject(name: string, value: unknown): Ulimit {
  const { Soft: soft, Hard: hard } = (value ?? {}) as { Soft?: unknown; Hard?: unknown };
  if (typeof soft === 'number' && typeof hard === 'number') return { name, soft, hard };
  throw invalidArgument(`The option "default-ulimits": "${name}" must be an object with Soft and Hard`);
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** `64m`, `1g`, `65536`: bytes. */
export function parseSize(key: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)b?$/i.exec(text);
  const [, number = '', unit = ''] = match ?? [];
  if (match === null)
    throw invalidArgument(`The option "${key}" is "${text}", it must be a size such as 64m`);
  return Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? 1));
}
