import { invalidArgument } from '../../../common/errors.ts';
import type { LogConfig } from '../../../runtime/contract.ts';
import type { Container } from '../contract.ts';
import { extraAttributes } from '../log-drivers/attributes.ts';
import { checkLogDriver, fileOptionsOf, parseBool } from '../log-drivers/drivers.ts';
import { expandTag, type Tagged } from '../log-drivers/tag.ts';

/** Without an option a log is bounded: 20 MB in each of 5 files. */
const MAX_BYTES = 20_000_000;
const MAX_FILES = 5;
const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/**
 * The file that the shim writes, whatever the driver, from docker's options; undefined for the driver `none`. Throws
 * `invalid-argument` for what docker refuses.
 */
export function logConfigOf(container: Tagged & { readonly logFile: string }): LogConfig | undefined {
  const { host } = container.config;
  checkLogDriver(host);
  // Of a template that cannot be filled the client hears now, not at the start.
  const tag = expandTag(host.logOptions['tag'], container);
  if (host.logDriver === 'none') return undefined;
  const options = fileOptionsOf(host);
  const attrs = { ...extraAttributes(options, container.config), ...tagOf(options, tag) };
  extraAttributes(host.logOptions, container.config);
  compressesLog(container.config);
  return {
    path: container.logFile,
    maxBytes: parseSize(options['max-size']),
    maxFiles: parseCount(options['max-file']),
    attrs: Object.keys(attrs).length === 0 ? undefined : attrs,
  };
}

/** Whether rotated files are compressed. */
export function compressesLog({ host }: Pick<Container['config'], 'host'>): boolean {
  const options = fileOptionsOf(host);
  const text = options['compress'];
  const compress = text === undefined ? host.logDriver !== 'json-file' : parseBool(text);
  if (compress === undefined)
    throw invalidArgument(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  const isOneFile = parseCount(options['max-file']) < 2;
  if (text !== undefined && compress && (isOneFile || options['max-size'] === '-1'))
    throw invalidArgument('compress cannot be true when max-file is less than 2 or max-size is not set');
  return compress && !isOneFile;
}

const tagOf = (options: Readonly<Record<string, string>>, tag: string): Record<string, string> =>
  options['tag'] === undefined || options['tag'] === '' ? {} : { tag };

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
