import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { finish } from './socket.ts';
import { commonHeaders } from '../headers.ts';
import { errorBody, httpError } from '../errors.ts';
import { MULTIPLEXED_STREAM, RAW_STREAM } from '../stream.ts';
import { differs, type ApiVersion } from '../versions.ts';

/** The head that turns the connection into a raw stream. A client without an Upgrade header gets a 200 without a length. */
export function streamHead(request: IncomingMessage, options: { tty: boolean; version: ApiVersion }): string {
  if (request.headers.upgrade === undefined) return head(200, 'OK', { 'Content-Type': RAW_STREAM });
  const multiplexed = !options.tty && differs.tellsMultiplexed(options.version);
  return head(101, 'UPGRADED', {
    'Content-Type': multiplexed ? MULTIPLEXED_STREAM : RAW_STREAM,
    Connection: 'Upgrade',
    Upgrade: 'tcp',
  });
}

/** Answers what went wrong before the takeover, and ends the connection: node's parser is gone from it. */
export function refuse(socket: Socket, error: unknown): void {
  const { status, message } = httpError(error);
  const body = status === 304 ? '' : errorBody(message);
  finish(
    socket,
    head(status, STATUS_CODES[status] ?? 'Error', {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
      Connection: 'close',
    }) + body,
  );
}

export const emptyAnswer = (status: number): string =>
  head(status, STATUS_CODES[status] ?? '', { 'Content-Length': '0', Connection: 'close' });

function head(status: number, reason: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...commonHeaders, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`;
}
