import { connect, type Socket } from 'node:net';
import { WherryError } from '../../common/errors.ts';
import type { Endpoint } from '../connection/endpoint.ts';
import { parseHost } from './address.ts';
import { readBody } from './body.ts';
import { type ByteReader, byteReader } from './byte-reader.ts';
import { drained } from './drained.ts';
import { errorOf } from './errors.ts';
import { type Head, readHead } from './head.ts';

/**
 * The daemon's REST API over a unix socket. An own HTTP/1.1 client of one request a connection: `node:http` takes 20 ms to
 * load, more than the rest of the process; and hijacked connections need the raw socket anyway.
 *
 * Paths carry no API version unless DOCKER_API_VERSION says one, so that no request is spent on negotiating it: the daemon
 * answers in its own newest.
 */
export interface Daemon {
  /**
   * Sends a request and returns when the head of the answer has come. Throws what the daemon refuses, as
   * `Error response from daemon: ...` with the code of its status, and `unavailable` when nobody listens.
   */
  send(request: Request): Promise<Answer>;
  /** The same for attach and exec: the connection is the container's streams from then on. */
  hijack(request: Request): Promise<Hijacked>;
}

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE' | 'PUT';
  /** `/containers/json`. */
  readonly path: string;
  /** Left out where undefined; a list stands for a repeated key. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** Further headers: secrets go here, never into the path. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it comes, chunked. */
  readonly upload?: AsyncIterable<Uint8Array>;
}

export interface Answer extends Head {
  readonly body: AsyncIterable<Buffer>;
  text(): Promise<string>;
}

export interface Hijacked {
  readonly socket: Socket;
  /** The output, from its first byte. */
  readonly reader: ByteReader;
}

/** `find` is asked at the first request: a command that needs no daemon runs without a way to one. */
export function openDaemon(find: () => Promise<Endpoint>): Daemon {
  let found: Promise<Endpoint> | undefined;
  const open = async (
    request: Request,
    upgrade: boolean,
  ): Promise<{ socket: Socket; reader: ByteReader; head: Head }> => {
    const endpoint = await (found ??= find());
    const { host } = endpoint;
    const socket = await dial(endpoint);
    const refused = new Promise<never>((_, reject) => {
      socket.on('error', (error) => reject(connectionError(host, error)));
    });
    const reader = byteReader(socket);
    const headers = { ...endpoint.headers, ...request.headers };
    const uploaded = sendRequest(socket, { ...request, headers }, upgrade);
    const head = await Promise.race([
      readHead(reader).catch(whyOr(socket, refused)),
      uploaded.then(() => refused),
    ]);
    if (head.status >= 400) {
      // The answer to a HEAD tells how long its body would be, and has none.
      const body = request.method === 'HEAD' ? '' : await text(readBody(reader, head));
      throw errorOf(head.status, body);
    }
    return { socket, reader, head };
  };
  return {
    send: async (request) => {
      const { reader, head } = await open(request, false);
      const body = readBody(reader, head);
      return { ...head, body, text: () => text(body) };
    },
    hijack: (request) => open(request, true),
  };
}

async function dial({ host, tls }: Endpoint): Promise<Socket> {
  const address = parseHost(host, tls !== undefined);
  if (tls === undefined || 'path' in address) return connect({ ...address });
  const { connectTls } = await import('./tls.ts');
  return connectTls(address, tls);
}

/** A broken connection is told by its own error, which the socket emits beside failing the read. */
const whyOr =
  (socket: Socket, refused: Promise<never>) =>
  (error: unknown): Promise<never> =>
    socket.errored === null ? Promise.reject(error) : refused;

async function sendRequest(socket: Socket, request: Request, upgrade: boolean): Promise<void> {
  const json = request.json === undefined ? '' : JSON.stringify(request.json);
  const lines = [
    `${request.method} ${versionPrefix()}${request.path}${queryOf(request)} HTTP/1.1`,
    'Host: wherry',
    'User-Agent: wherry',
    ...(upgrade ? ['Connection: Upgrade', 'Upgrade: tcp'] : ['Connection: close']),
    ...Object.entries(request.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    ...bodyHeaders(request, json),
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${json}`);
  if (request.upload === undefined) return;
  for await (const bytes of request.upload) {
    if (bytes.length === 0) continue;
    socket.write(`${bytes.length.toString(16)}\r\n`);
    socket.write(bytes);
    if (!socket.write('\r\n')) await drained(socket);
    if (socket.destroyed) return;
  }
  socket.write('0\r\n\r\n');
}

function versionPrefix(): string {
  const version = process.env['DOCKER_API_VERSION'] ?? '';
  return version === '' ? '' : `/v${version.replace(/^v/, '')}`;
}

function bodyHeaders(request: Request, json: string): string[] {
  if (request.upload !== undefined) return ['Content-Type: application/x-tar', 'Transfer-Encoding: chunked'];
  if (request.json !== undefined)
    return ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(json)}`];
  return request.method === 'GET' || request.method === 'HEAD' ? [] : ['Content-Length: 0'];
}

function queryOf(request: Request): string {
  const given = Object.entries(request.query ?? {}).flatMap(([key, value]) => {
    const values: readonly unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
    return values.map((each) => `${key}=${encodeURIComponent(String(each))}`);
  });
  return given.length === 0 ? '' : `?${given.join('&')}`;
}

async function text(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const bytes of body) parts.push(bytes);
  return parts.length === 1 ? String(parts[0]) : Buffer.concat(parts).toString();
}

function connectionError(host: string, error: NodeJS.ErrnoException): WherryError {
  if (error.code === 'EACCES') {
    return new WherryError(
      'unavailable',
      `permission denied while trying to connect to the Wherry daemon socket at ${host}`,
      { cause: error },
    );
  }
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') {
    return new WherryError('unavailable', `error during connect: ${error.message}`, { cause: error });
  }
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO/.test(error.code ?? '')) {
    return new WherryError('unavailable', `error during connect: tls: ${error.message}`, { cause: error });
  }
  return new WherryError(
    'unavailable',
    `Cannot connect to the Wherry daemon at ${host}. Is the wherry daemon running?`,
    { cause: error },
  );
}
