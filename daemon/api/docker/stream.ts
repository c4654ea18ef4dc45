import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Ctx } from '../../../common/ctx.ts';

/** An answer that is written piece by piece. */
export interface Stream {
  /** Aborts when the client leaves or `end` is called. */
  readonly ctx: Ctx;
  /** Waits while the client reads slower than we write. When the client is gone it does nothing. */
  write(data: string | Uint8Array): Promise<void>;
  end(data?: string): void;
}

/** A context that ends when the client leaves: for what goes on only for its sake. */
export function clientCtx(reply: FastifyReply, ctx: Ctx): Ctx {
  const abort = new AbortController();
  reply.raw.once('close', () => abort.abort());
  return ctx.until(abort.signal);
}

/** Sends status and headers at once, since clients wait for them before they go on. */
export function startStream(reply: FastifyReply, ctx: Ctx, contentType: string): Stream {
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) raw.setHeader(name, value);
  raw.setHeader('content-type', contentType);
  raw.writeHead(200);
  raw.flushHeaders();
  return {
    ctx,
    write: (data) => write(raw, ctx, data),
    end: (data) => {
      if (data === undefined) raw.end();
      else raw.end(data);
    },
  };
}

async function write(raw: ServerResponse, ctx: Ctx, data: string | Uint8Array): Promise<void> {
  if (raw.write(data) || ctx.signal.aborted) return;
  await once(raw, 'drain', { signal: ctx.signal }).catch(() => {});
}

/**
 * Asks for the first item at once and hands out all of them later: what subscribes at its first `next` is subscribed before
 * the answer's headers go out.
 */
export function ahead<T>(source: AsyncIterable<T>): { first: Promise<unknown>; items: AsyncIterable<T> } {
  const iterator = source[Symbol.asyncIterator]();
  const first = iterator.next();
  first.catch(() => {});
  return { first, items: rest(iterator, first) };
}

async function* rest<T>(iterator: AsyncIterator<T>, first: Promise<IteratorResult<T>>): AsyncGenerator<T> {
  try {
    for (let item = await first; item.done !== true; item = await iterator.next()) yield item.value;
  } finally {
    await iterator.return?.();
  }
}

/** Docker's frame around what a container without a tty wrote: stream number, three zero bytes, length, data. */
export function frame(stream: 'stdout' | 'stderr', data: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(8 + data.length);
  framed.writeUInt32BE(stream === 'stdout' ? 0x0100_0000 : 0x0200_0000, 0);
  framed.writeUInt32BE(data.length, 4);
  framed.set(data, 8);
  return framed;
}

export const RAW_STREAM = 'application/vnd.docker.raw-stream';
export const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';
