import { stat } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { invalidArgument } from '../../../common/errors.ts';

type Options = Readonly<Record<string, string>>;

/** Where a container's lines go. `local`: the host's own syslog, wherever its socket is. */
export type SyslogAddress =
  | { readonly kind: 'local' }
  | { readonly kind: 'unix' | 'unixgram'; readonly path: string }
  | { readonly kind: 'tcp' | 'udp' | 'tcp+tls'; readonly host: string; readonly port: number };

export type SyslogFormat = '' | 'rfc3164' | 'rfc5424' | 'rfc5424micro';

/** RFC 5424 section 6.2.1; the code is a name's place. */
const FACILITIES = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['', '', '', '', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
];
const DAEMON = FACILITIES.indexOf('daemon');
const DEFAULT_PORT = 514;

/** Throws `invalid-argument` in docker's words (moby daemon/logger/syslog). */
export function checkSyslogOptions(options: Options): void {
  syslogAddress(options);
  syslogFacility(options);
  syslogFormat(options);
}

/** Throws `invalid-argument` when an address names a socket that is not there. For a create: later it may go and come again. */
export async function checkSyslogSocket(options: Options): Promise<void> {
  const address = syslogAddress(options);
  if (!('path' in address)) return;
  await stat(address.path).catch((error: unknown) => {
    throw invalidArgument(`stat ${address.path}: no such file or directory`, { cause: error });
  });
}

export function syslogAddress(options: Options): SyslogAddress {
  const text = options['syslog-address'] ?? '';
  if (text === '') return { kind: 'local' };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase() ?? '';
  const rest = text.slice(scheme.length + 3);
  switch (scheme) {
    case 'unix':
    case 'unixgram':
      return { kind: scheme, path: rest };
    case 'tcp':
    case 'udp':
    case 'tcp+tls':
      return { kind: scheme, ...hostAndPort(rest, text) };
    default:
      throw invalidArgument(`unsupported scheme: '${scheme}'`);
  }
}

function hostAndPort(rest: string, text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:/]*))(?::(\d+))?\/?$/.exec(rest);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? DEFAULT_PORT);
  if (match === null || port > 65535 || (match[1] !== undefined && !isIPv6(match[1])))
    throw invalidArgument(`invalid syslog-address: ${text}`);
  return { host: host === '' ? 'localhost' : host, port };
}

/** The facility's code. */
export function syslogFacility(options: Options): number {
  const text = options['syslog-facility'] ?? '';
  if (text === '') return DAEMON;
  const named = FACILITIES.indexOf(text);
  const code = named >= 0 ? named : /^\d+$/.test(text) ? Number(text) : -1;
  if (code < 0 || code > 23) throw invalidArgument('invalid syslog facility');
  return code;
}

export function syslogFormat(options: Options): SyslogFormat {
  const text = options['syslog-format'] ?? '';
  if (text !== '' && text !== 'rfc3164' && text !== 'rfc5424' && text !== 'rfc5424micro')
    throw invalidArgument('Invalid syslog format');
  return text;
}
