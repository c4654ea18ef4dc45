import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctx } from '../../../../common/ctx.ts';
import { internal, messageOf, WherryError } from '../../../../common/errors.ts';
import type { PluginAddress } from './find.ts';

/** Docker's plugin protocol, version 1.2: a POST of JSON for each call, an `Err` in the answer for a failure. */
const TYPE = 'application/vnd.docker.plugins.v1.2+json';
const MAX_BYTES = 4 << 20;
/** A plugin that is just being started is not there at once. Docker waits up to 30 s, doubling; nobody may hang longer. */
const CONNECT_PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 100;

export interface PluginCall {
  readonly name: string;
  readonly address: PluginAddress;
  /** `VolumeDriver.Mount`. */
  readonly method: string;
  readonly body: object;
  readonly timeoutMs: number;
}

/** Throws `unavailable` for a plugin that does not answer, `internal` with what it refused. */
export async function callPlugin(ctx: Ctx, call: PluginCall): Promise<Record<string, unknown>> {
  const { name, method } = call;
  const within = ctx.within(call.timeoutMs);
  using _waits = ctx.waitsFor(() => `plugin "${name}" to answer ${method}`);
  const { status, text } = await answer(within, call);
  const parsed = parse(text);
  const { Err } = parsed;
  if (typeof Err === 'string' && Err !== '') throw internal(`${method}: ${Err}`);
  if (status === 200) return parsed;
  throw internal(`plugin "${name}": ${method}: status ${status}`);
}

async function answer(ctx: Ctx, call: PluginCall): Promise<Answer> {
  const giveUpAt = performance.now() + Math.min(CONNECT_PATIENCE_MS, call.timeoutMs / 2);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
    try {
      return await send(ctx, call);
    } catch (error) {
      const late = performance.now() + pauseMs > giveUpAt;
      if (!isAbsent(error) || late || ctx.signal.aborted) {
        const why = ctx.signal.aborted ? 'it does not answer' : messageOf(error);
        throw new WherryError('unavailable', `plugin "${call.name}": ${call.method}: ${why}`, {
          cause: error,
        });
      }
      await sleep(pauseMs, undefined, { signal: ctx.signal }).catch(() => {});
    }
  }
}

/** Nobody has heard the call: it may be repeated. */
const isAbsent = (error: unknown): boolean =>
  ['ECONNREFUSED', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '');

interface Answer {
  readonly status: number;
  readonly text: string;
}

function send({ signal }: Ctx, { address, method, body }: PluginCall): Promise<Answer> {
  const text = JSON.stringify(body);
  const headers = { accept: TYPE, 'content-type': TYPE, 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const sent = request(
      { ...address, method: 'POST', path: `/${method}`, headers, agent: false, signal },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.byteLength;
          if (bytes > MAX_BYTES) response.destroy(internal(`its answer is longer than ${MAX_BYTES} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}

function parse(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return { ...parsed };
  } catch {
    // An answer that is none.
  }
  return {};
}
