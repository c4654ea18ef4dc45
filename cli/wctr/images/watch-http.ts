import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { printError } from '../../output.ts';

/** What authorises whoever reads it. */
const SECRETS = /^(proxy-)?authorization$|^(set-)?cookie$/i;
const SECRET_WORDS = /((?:sig|token|credential|password)[^=&]*=)[^&]+/gi;

/**
 * Prints every HTTP request of this process and its answer to stderr: with `dump` their heads, without secrets (bodies are blobs and
 * documents, which `content get` has), with `trace` what their connections do, and when. gRPC is not among them.
 */
export function watchHttp({ dump, trace }: { readonly dump: boolean; readonly trace: boolean }): void {
  const beganAt = performance.now();
  const note = (text: string): void =>
    printError(`[${((performance.now() - beganAt) / 1000).toFixed(3)} s] ${text}\n`);
  if (dump) {
    subscribe('http.client.request.start', (message) => {
      const { request } = message as { request: ClientRequest };
      printError(`${request.method} ${hidden(request.path)} HTTP/1.1\n${headsOf(request)}\n\n`);
    });
    subscribe('http.client.response.finish', (message) => {
      const { response } = message as { response: IncomingMessage };
      const { httpVersion, statusCode, statusMessage, headers } = response;
      printError(`HTTP/${httpVersion} ${statusCode} ${statusMessage}\n${heads(Object.entries(headers))}\n\n`);
    });
  }
  if (!trace) return;
  subscribe('http.client.request.created', (message) => {
    const { request } = message as { request: ClientRequest };
    const name = `${request.method} ${request.host}${hidden(request.path)}`;
    note(name);
    request.once('socket', (socket) => watchSocket(socket, request, note));
    request.once('response', ({ statusCode }) => note(`${name}: ${statusCode}`));
    request.once('error', (error) => note(`${name}: ${error.message}`));
  });
}

function watchSocket(
  socket: Socket,
  { host, reusedSocket }: ClientRequest,
  note: (text: string) => void,
): void {
  if (reusedSocket) {
    note(`${host}: connection used again, ${socket.remoteAddress}:${socket.remotePort}`);
    return;
  }
  socket.once('lookup', (_error, address) => note(`${host}: looked up, ${address}`));
  socket.once('connect', () => note(`${host}: connected, ${socket.remoteAddress}:${socket.remotePort}`));
  socket.once('secureConnect', () => note(`${host}: TLS stands`));
}

const headsOf = (request: ClientRequest): string =>
  heads(request.getRawHeaderNames().map((name) => [name, request.getHeader(name)] as const));

const heads = (entries: readonly (readonly [string, unknown])[]): string =>
  entries
    .map(([name, value]) => `${name}: ${SECRETS.test(name) ? '<hidden>' : hidden(String(value))}`)
    .join('\n');

const hidden = (text: string): string => text.replaceAll(SECRET_WORDS, '$1<hidden>');
