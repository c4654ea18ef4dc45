import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { Ctx } from '../../common/ctx.ts';
import { messageOf, WherryError } from '../../common/errors.ts';
import type { RegistryEndpoint } from './contract.ts';

export interface Outgoing {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: () => Uint8Array | Readable;
}

export interface Incoming {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read or destroyed. */
  readonly body: IncomingMessage;
  readonly url: URL;
}

/** Connections to registries, kept for the next request. */
export interface Transport {
  /** One request and the head of its answer. Throws `unavailable` for what the network did, or the reason why ctx ended. */
  send(ctx: Ctx, endpoint: RegistryEndpoint, outgoing: Outgoing): Promise<Incoming>;
  close(): void;
}

/** An idle connection is closed by most servers after a minute. */
const IDLE_MS = 15_000;
const MAX_SOCKETS = 16;
/** A registry may hash a blob, and copy it, before it answers. */
const SLOW_WRITES = 4;
/** Of a document, from its head on. */
const DOCUMENT_MS = 60_000;

export function makeTransport(options: {
  readonly userAgent: string;
  readonly headTimeoutMs: number;
}): Transport {
  const agents = new Map<string, HttpAgent>();
  // Those of the host, as for every other program there.
  let hostAuthorities: readonly string[] | undefined;
  const authorities = (): readonly string[] => (hostAuthorities ??= getCACertificates('system'));
  const agentOf = (url: URL, endpoint: RegistryEndpoint): HttpAgent => {
    // A redirect may lead to a host that the endpoint's certificates say nothing about.
    const tls = url.origin === new URL(endpoint.url).origin ? endpoint.tls : undefined;
    const key = JSON.stringify([url.protocol, tls]);
    const found = agents.get(key);
    if (found !== undefined) return found;
    const common = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_MS };
    const agent =
      url.protocol === 'http:'
        ? new HttpAgent(common)
        : new HttpsAgent({
            ...common,
            // Parsing them takes a tenth of a second: once, and not where nobody asks.
            secureContext: createSecureContext({
              ca:
                tls?.skipVerify === true
                  ? []
                  : [...authorities(), ...(tls?.ca === undefined ? [] : [tls.ca])],
              ...(tls?.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
            }),
            rejectUnauthorized: tls?.skipVerify !== true,
          });
    agents.set(key, agent);
    return agent;
  };
  return {
    send: (ctx, endpoint, outgoing) =>
      exchange(ctx, outgoing, { agent: agentOf(outgoing.url, endpoint), ...options }),
    close: () => agents.forEach((agent) => agent.destroy()),
  };
}

function exchange(
  ctx: Ctx,
  { method, url, headers, body }: Outgoing,
  { agent, userAgent, headTimeoutMs }: { agent: HttpAgent; userAgent: string; headTimeoutMs: number },
): Promise<Incoming> {
  ctx.check();
  const { promise, resolve, reject } = Promise.withResolvers<Incoming>();
  const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
  const request = send(url, {
    method,
    agent,
    signal: ctx.signal,
    headers: { 'user-agent': userAgent, ...headers },
  });
  const patienceMs = method === 'PUT' || method === 'PATCH' ? headTimeoutMs * SLOW_WRITES : headTimeoutMs;
  const late = setTimeout(() => {
    request.destroy(new Error(`no answer within ${patienceMs / 1000} s`));
  }, patienceMs);
  request.once('response', (answer) => {
    clearTimeout(late);
    resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer, url });
  });
  request.on('error', (error) => {
    clearTimeout(late);
    reject(failureOf(ctx, error, { method, url }));
  });
  const content = body?.();
  if (content === undefined) request.end();
  else if (content instanceof Uint8Array) request.end(content);
  else {
    // A large blob takes its time, but not between two pieces of it; the registry, to put it where it belongs.
    content.on('data', () => late.refresh());
    request.once('finish', () => late.refresh());
    pipeline(content, request, (error) => {
      if (error) request.destroy(error);
    });
  }
  return promise;
}

function failureOf(ctx: Ctx, error: unknown, { method, url }: Pick<Outgoing, 'method' | 'url'>): unknown {
  try {
    ctx.check();
  } catch (reason) {
    return reason;
  }
  const verb = `${method.slice(0, 1)}${method.slice(1).toLowerCase()}`;
  return new WherryError('unavailable', `${verb} "${plain(url)}": ${messageOf(error)}`, { cause: error });
}

/** Without the query, which may hold a signature. */
export const plain = (url: URL): string => `${url.origin}${url.pathname}`;

/** A whole body, at most `limit` bytes. */
export async function readAll(incoming: Incoming, limit: number): Promise<Buffer> {
  const { body, url } = incoming;
  const chunks: Buffer[] = [];
  let bytes = 0;
  const late = setTimeout(() => {
    body.destroy(new Error(`not whole after ${DOCUMENT_MS / 1000} s`));
  }, DOCUMENT_MS);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limit)
        throw new WherryError('invalid-argument', `"${plain(url)}" has more than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof WherryError) throw error;
    throw new WherryError('unavailable', `"${plain(url)}": ${messageOf(error)}`, { cause: error });
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(chunks);
}
