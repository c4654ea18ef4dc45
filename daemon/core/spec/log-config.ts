import { invalidArgument } from '../../../common/errors.ts';
import type { LogConfig } from '../../../runtime/contract.ts';
import type { Container } from '../contract.ts';

/** Without an option a log is bounded: 20 MB in each of 5 files. */
const MAX_BYTES = 20_000_000;
const MAX_FILES = 5;
const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
/** Of docker's json-file driver. */
const KNOWN = [
  'max-size',
  'max-file',
  'compress',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
  'mode',
  'max-buffer-size',
];

/** The shim's log from docker's options of the json-file driver. Throws `invalid-argument` for what docker refuses. */
export function logConfigOf({
  logPath,
  config,
}: Pick<Container, 'logPath' | 'config'>): LogConfig | undefined {
  const { logDriver, logOptions } = config.host;
  if (logDriver === 'none') return undefined;
  checkLogOptions(logOptions);
  const attrs = attributesOf(logOptions, config);
  return {
    path: logPath,
    maxBytes: parseSize(logOptions['max-size']),
    maxFiles: parseCount(logOptions['max-file']),
    attrs: Object.keys(attrs).length === 0 ? undefined : attrs,
  };
}

function checkLogOptions(options: Readonly<Record<string, string>>): void {
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw invalidArgument(`unknown log opt '${unknown}' for json-file log driver`);
}

function parseSize(text: string | undefined): number {
  if (text === undefined) return MAX_BYTES;
  if (text === '-1') return 0;
  const match = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text);
  const unit = UNITS[match?.[2]?.toLowerCase() ?? ''];
  const bytes = match === null || unit === undefined ? Number.NaN : Math.floor(Number(match[1]) * unit);
  if (!(bytes > 0)) throw invalidArgument(`invalid value for max-size: ${text}`);
  return bytes;
}

function parseCount(text: string | undefined): number {
  if (text === undefined) return MAX_FILES;
  const count = Number(text);
  if (!Number.isInteger(count)) throw invalidArgument(`invalid value for max-file: ${text}`);
  if (count < 1) throw invalidArgument('max-file cannot be less than 1');
  return count;
}

/** Labels and variables that each line is to bear. */
function attributesOf(
  options: Readonly<Record<string, string>>,
  { labels, env }: Pick<Container['config'], 'labels' | 'env'>,
): Record<string, string> {
  const variables = env.map((variable): [string, string] => {
    const [name = ''] = variable.split('=', 1);
    return [name, variable.slice(name.length + 1)];
  });
  return {
    ...pick(Object.entries(labels), options['labels'], options['labels-regex']),
    ...pick(variables, options['env'], options['env-regex']),
    ...(options['tag'] === undefined || options['tag'] === '' ? {} : { tag: options['tag'] }),
  };
}

function pick(
  from: readonly (readonly [string, string])[],
  names: string | undefined,
  pattern: string | undefined,
): Record<string, string> {
  const wanted = (names ?? '').split(',');
  const matches =
    pattern === undefined ? (): boolean => false : (name: string) => new RegExp(pattern).test(name);
  return Object.fromEntries(from.filter(([name]) => wanted.includes(name) || matches(name)));
}
