import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { makeRegistryClient, type ClosableClient } from '../../../../image/registry/client.ts';
import type { RegistryEndpoint } from '../../../../image/registry/contract.ts';
import { makeCtx, type Ctx } from '../../../../common/ctx.ts';
import { silentLog } from '../../../../common/log.ts';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface ScriptedServer {
  /** `127.0.0.1:1234`. */
  readonly host: string;
  readonly url: string;
  readonly asked: readonly Asked[];
}

export type Answer = (asked: Asked, response: ServerResponse, count: number) => void | Promise<void>;

/** A registry that answers as a test says: for faults that a real one can't be made to have. `count`: of requests like this one so far. */
export async function serve(t: TestContext, answer: Answer): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const { method = '', url = '', headers } = request;
      const body = await buffer(request).catch(() => Buffer.alloc(0));
      const one = { method, url, headers, body };
      asked.push(one);
      const count = asked.filter((other) => other.method === method && other.url === url).length;
      await answer(one, response, count);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, url: `http://${host}`, asked };
}

export function json(
  response: ServerResponse,
  value: unknown,
  { status = 200, headers = {} }: { readonly status?: number; readonly headers?: object } = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}

export const refusal = (code: string, message: string): unknown => ({ errors: [{ code, message }] });

/** A client of these endpoints that waits for nothing long. */
export function clientOf(
  t: TestContext,
  ...endpoints: (Partial<RegistryEndpoint> & { url: string })[]
): ClosableClient {
  const client = makeRegistryClient({
    hosts: { endpoints: async () => endpoints.map((endpoint) => ({ mirror: false, ...endpoint })) },
    limits: { attempts: 3, backoffMs: 1, longestWaitMs: 2_000, minBytesPerSecond: 1000, windowMs: 200 },
    headTimeoutMs: 5_000,
  });
  t.after(() => client.close());
  return client;
}

export const freshCtx = (signal?: AbortSignal): Ctx => makeCtx(silentLog, signal);
