import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Registry } from './registry.ts';

/** What becomes of a request that is passed on. */
export interface Fault {
  /** Cuts the connection behind so many bytes of the request's body. */
  readonly cutAfterBytes?: number;
  /** Sends the answer's body, whose head is written, in the proxy's place. */
  readonly relay?: (response: IncomingMessage, answer: ServerResponse) => void;
}

export interface Proxy {
  readonly host: string;
  /** `GET /v2/a/blobs/sha256:... Bearer`: what was asked, with the scheme of what authorised it, in order. */
  readonly asked: string[];
  /** Asked for each request: true when it has answered in the registry's place, false to pass it on. */
  decide: (request: IncomingMessage, answer: ServerResponse) => boolean | Fault;
}

/** Stands before a registry, or for one; ends with the test. */
export async function startProxy(t: TestContext, behind?: Pick<Registry, 'host'>): Promise<Proxy> {
  const server = createServer((incoming, answer) => {
    const { method = '', url = '', headers } = incoming;
    const scheme = headers.authorization?.split(' ', 1)[0] ?? '';
    proxy.asked.push(`${method} ${url.split('?', 1)[0] ?? ''} ${scheme}`.trimEnd());
    const fate = proxy.decide(incoming, answer);
    if (fate === true) incoming.resume();
    else if (behind === undefined) answer.writeHead(404).end();
    else passOn({ incoming, answer, to: `http://${behind.host}${url}` }, fate === false ? {} : fate);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const proxy: Proxy = { host: `127.0.0.1:${port}`, asked: [], decide: () => false };
  return proxy;
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly answer: ServerResponse;
  readonly to: string;
}

function passOn({ incoming, answer, to }: Exchange, { cutAfterBytes, relay }: Fault): void {
  const { method, headers } = incoming;
  const onwards = request(to, { method, headers }, (response) => {
    answer.writeHead(response.statusCode ?? 500, response.headers);
    if (relay === undefined) response.pipe(answer);
    else relay(response, answer);
  });
  onwards.on('error', () => answer.destroy());
  answer.on('close', () => onwards.destroy());
  if (cutAfterBytes === undefined) {
    incoming.pipe(onwards);
    return;
  }
  let left = cutAfterBytes;
  incoming.on('data', (chunk: Buffer) => {
    onwards.write(chunk.subarray(0, left));
    left -= chunk.byteLength;
    if (left <= 0) incoming.socket.destroy();
  });
  incoming.on('end', () => onwards.end());
}
