import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { Ctx } from '../../../common/ctx.ts';
import { unavailable } from '../../../common/errors.ts';
import { connectUnix, streamTo, udpDatagrams, unixDatagrams } from './channels.ts';
import type { Channel, Encode, Receiver } from './contract.ts';
import { syslogAddress, syslogFacility, syslogFormat, type SyslogAddress } from './syslog-options.ts';
import { localTime, stampTime } from './syslog-time.ts';

type Options = Readonly<Record<string, string>>;

/** RFC 5424 section 6.2.1. */
const SEVERITY = { stdout: 6, stderr: 3 } as const;
/** Where a host's syslog listens, as docker looks for it. */
const LOCAL_SOCKETS = ['/dev/log', '/var/run/syslog', '/var/run/log'];

/** The driver `syslog`; the tag is filled already. Throws `invalid-argument` for its options. */
export function syslogReceiver(options: Options, tag: string): Receiver {
  const address = syslogAddress(options);
  return { encode: syslogEncoder(options, tag), open: (ctx) => openAddress(ctx, address, options) };
}

/**
 * Lines as docker's syslog driver writes them (RackSec/srslog), but with the time at which the container wrote them: they may be
 * delivered much later. An empty line is none.
 */
export function syslogEncoder(options: Options, tag: string): Encode {
  const format = syslogFormat(options);
  const facility = syslogFacility(options);
  // RFC 5425 section 4.3: with TLS, and only there, docker counts the bytes of a message.
  const counts = syslogAddress(options).kind === 'tcp+tls' && format.startsWith('rfc5424');
  const host = hostname();
  return ({ stream, timeNs, text }) => {
    if (text === '') return undefined;
    const priority = `<${facility * 8 + SEVERITY[stream]}>`;
    const message = `${priority}${header(format, { timeNs, host, tag })}${text}\n`;
    return Buffer.from(counts ? `${Buffer.byteLength(message)} ${message}` : message);
  };
}

function header(
  format: ReturnType<typeof syslogFormat>,
  { timeNs, host, tag }: { readonly timeNs: bigint; readonly host: string; readonly tag: string },
): string {
  const { pid } = process;
  switch (format) {
    case '':
      return `${stampTime(timeNs)} ${tag}[${pid}]: `;
    case 'rfc3164':
      return `${stampTime(timeNs)} ${host} ${tag}[${pid}]: `;
    case 'rfc5424':
      return `1 ${localTime(timeNs, 0)} ${host} ${tag} ${pid} ${tag} - `;
    case 'rfc5424micro':
      return `1 ${localTime(timeNs, 6)} ${host} ${tag} ${pid} ${tag} - `;
  }
}

async function openAddress(ctx: Ctx, address: SyslogAddress, options: Options): Promise<Channel> {
  switch (address.kind) {
    case 'local':
      return openLocal(ctx);
    case 'unixgram':
      await stat(address.path);
      return unixDatagrams(address.path);
    case 'unix':
      return streamTo(ctx, connectUnix(address.path), 'connect');
    case 'udp':
      return udpDatagrams(address);
    case 'tcp':
      return streamTo(ctx, connect(address), 'connect');
    case 'tcp+tls': {
      const { host, port } = address;
      const socket = connectTls({ host, port, ...(await tlsOptions(options)) });
      return streamTo(ctx, socket, 'secureConnect');
    }
  }
}

/** Most take datagrams, some a stream. */
async function openLocal(ctx: Ctx): Promise<Channel> {
  for (const path of LOCAL_SOCKETS) {
    const status = await stat(path).catch(() => undefined);
    if (status === undefined) continue;
    return streamTo(ctx, connectUnix(path), 'connect').catch(() => unixDatagrams(path));
  }
  throw unavailable('Unix syslog delivery error');
}

async function tlsOptions(options: Options): Promise<ConnectionOptions> {
  const file = async (name: string): Promise<Buffer | undefined> => {
    const path = options[`syslog-tls-${name}`];
    return path === undefined || path === '' ? undefined : readFile(path);
  };
  const [ca, cert, key] = await Promise.all([file('ca-cert'), file('cert'), file('key')]);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    // As docker: the option's being there counts, whatever its value.
    rejectUnauthorized: options['syslog-tls-skip-verify'] === undefined,
  };
}
