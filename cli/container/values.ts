import { parseBackoff } from '../../common/restart-backoff.ts';

/** Readers for the values of `run` and `create` that have a form of their own. All throw errors made for the parser. */

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

const ULIMITS = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  ),
);

/** `nofile=1024:2048`; one number is both limits, -1 is none. */
export function parseUlimit(text: string): Ulimit {
  const [, name = '', soft = '', hard = soft] = /^([^=]+)=([^:]*)(?::(.*))?$/.exec(text) ?? [];
  if (name === '') throw new Error(`invalid ulimit argument: ${text}`);
  if (!ULIMITS.has(name)) throw new Error(`invalid ulimit type: ${name}`);
  const [softLimit, hardLimit] = [soft, hard].map((limit) => {
    if (!/^-?\d+$/.test(limit))
      throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(limit)}: invalid syntax`);
    return Number(limit);
  }) as [number, number];
  if (hardLimit !== -1 && (softLimit === -1 || softLimit > hardLimit)) {
    throw new Error(
      `ulimit soft limit must be less than or equal to hard limit: ${softLimit} > ${hardLimit}`,
    );
  }
  return { Name: name, Soft: softLimit, Hard: hardLimit };
}

export interface Device {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  readonly CgroupPermissions: string;
}

/** `/dev/x[:/dev/y][:rwm]`. */
export function parseDevice(text: string): Device {
  const [host = '', second, third, ...more] = text.split(':');
  if (host === '' || more.length > 0) throw new Error(`bad format for path: ${text}`);
  const secondIsMode = third === undefined && second !== undefined && isDeviceMode(second);
  if (third !== undefined && !isDeviceMode(third)) throw new Error(`bad mode specified: ${third}`);
  const target = secondIsMode ? host : (second ?? host);
  if (!target.startsWith('/')) throw new Error(`${target} is not an absolute path`);
  return {
    PathOnHost: host,
    PathInContainer: target,
    CgroupPermissions: third ?? (secondIsMode ? second : 'rwm'),
  };
}

/** Each of r, w and m at most once. */
const isDeviceMode = (text: string): boolean => /^[rwm]+$/.test(text) && new Set(text).size === text.length;

export function checkStream(text: string): string {
  const stream = text.toLowerCase();
  if (['stdin', 'stdout', 'stderr'].includes(stream)) return stream;
  throw new Error('valid streams are STDIN, STDOUT and STDERR');
}

/** `name:address`, or `name=address`; `host-gateway` is an address. */
export function checkExtraHost(text: string): string {
  const [, name = '', address = ''] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (name === '') throw new Error(`bad format for add-host: ${JSON.stringify(text)}`);
  const plain = address.replace(/^\[(.*)\]$/, '$1');
  if (plain !== 'host-gateway' && !isAddress(plain)) {
    throw new Error(`invalid IP address in add-host: ${JSON.stringify(plain)}`);
  }
  return `${name}:${plain}`;
}

export function checkAddress(text: string): string {
  if (isAddress(text.trim())) return text.trim();
  throw new Error(`IP address is not correctly formatted: ${text}`);
}

const isAddress = (text: string): boolean =>
  /^(\d{1,3}\.){3}\d{1,3}$/.test(text)
    ? text.split('.').every((part) => Number(part) < 256)
    : /^[\da-f:]*:[\da-f:]*(\d+\.\d+\.\d+\.\d+)?$/i.test(text) && text.length > 1;

export function checkLabel(text: string): string {
  if (text === '' || text.startsWith('=')) throw new Error(`invalid label '${text}': empty name`);
  return text;
}

export function checkSysctl(text: string): string {
  if (!/^[^=]+=/.test(text)) throw new Error(`sysctl '${text}' is not allowed`);
  return text;
}

export interface RestartPolicy {
  readonly Name: string;
  readonly MaximumRetryCount: number;
}

export function parseRestartPolicy(text: string): RestartPolicy {
  const [name = '', count, ...more] = text.split(':');
  if (more.length > 0) throw new Error('invalid restart policy format: more than one colon');
  if (count !== undefined && !/^\d+$/.test(count)) {
    throw new Error('invalid restart policy format: maximum retry count must be an integer');
  }
  return { Name: name, MaximumRetryCount: Number(count ?? 0) };
}

/** The API's fields of a back-off, in nanoseconds; none for an empty text. */
export function parseRestartBackoff(text: string): object {
  if (text === '') return {};
  const { minMs, maxMs, multiplier, resetMs, jitter } = parseBackoff(text);
  const ns = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms * 1e6);
  return {
    MinDelay: ns(minMs),
    MaxDelay: ns(maxMs),
    Multiplier: multiplier,
    ResetAfter: ns(resetMs),
    Jitter: jitter,
  };
}
