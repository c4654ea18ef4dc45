import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Registry } from './registry.ts';

export interface Front {
  readonly host: string;
  /** `GET /v2/a/blobs/sha256:... Bearer`: what was asked, with the scheme of what authorised it. */
  readonly asked: string[];
  /** Answers a request in the registry's place, or returns false. */
  decide: (request: IncomingMessage, answer: ServerResponse) => boolean;
}

/** Stands before a server, or for one; ends with the test. */
export async function startFront(t: TestContext, behind?: Pick<Registry, 'host'>): Promise<Front> {
  const server = createServer((incoming, answer) => {
    const { method = '', url = '', headers } = incoming;
    const scheme = headers.authorization?.split(' ', 1)[0] ?? '';
    front.asked.push(`${method} ${url.split('?', 1)[0] ?? ''} ${scheme}`.trimEnd());
    if (front.decide(incoming, answer)) {
      incoming.resume();
      return;
    }
    if (behind === undefined) {
      answer.writeHead(404).end();
      return;
    }
    const onwards = request(`http://${behind.host}${url}`, { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    onwards.on('error', () => answer.destroy());
    incoming.pipe(onwards);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const front: Front = { host: `127.0.0.1:${port}`, asked: [], decide: () => false };
  return front;
}

/** What becomes of one request: answered with a status, or cut behind so many bytes of its body. */
export type Fault = { readonly status: number } | { readonly cutAfterBytes: number };

export interface FaultyProxy {
  readonly host: string;
  /** `PUT /v2/a/manifests/1`, in order. */
  readonly asked: string[];
  /** Asked for each request. */
  decide: (method: string, path: string) => Fault | undefined;
}

/** Stands before a registry; ends with the test. */
export async function faultyProxy(t: TestContext, registry: Pick<Registry, 'host'>): Promise<FaultyProxy> {
  const server = createServer((incoming, answer) => serve(incoming, answer));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const proxy: FaultyProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    decide: () => undefined,
  };
  const serve = (incoming: IncomingMessage, answer: ServerResponse): void => {
    const { method = '', url = '', headers } = incoming;
    const path = url.split('?', 1)[0] ?? '';
    proxy.asked.push(`${method} ${path}`);
    const fault = proxy.decide(method, path);
    if (fault !== undefined && 'status' in fault) {
      incoming.resume();
      answer.writeHead(fault.status).end();
      return;
    }
    const onwards = request(`http://${registry.host}${url}`, { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    onwards.on('error', () => answer.destroy());
    answer.on('close', () => onwards.destroy());
    let left = fault?.cutAfterBytes ?? Number.POSITIVE_INFINITY;
    incoming.on('data', (chunk: Buffer) => {
      onwards.write(chunk.subarray(0, left));
      left -= chunk.byteLength;
      if (left <= 0) incoming.socket.destroy();
    });
    incoming.on('end', () => onwards.end());
  };
  return proxy;
}
