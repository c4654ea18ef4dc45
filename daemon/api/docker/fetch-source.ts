import { Readable } from 'node:stream';
import type { Ctx } from '../../../common/ctx.ts';
import { invalidArgument, messageOf, WherryError } from '../../../common/errors.ts';

/** docker's `fromSrc`: of http or https, and http where it does not say. Throws `invalid-argument`. */
export function sourceUrl(text: string): URL {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw invalidArgument(`cannot import from "${text}": it is no URL of http or https`);
  return url;
}

/** What is behind a URL. */
export interface Source {
  readonly body: Readable;
  /** 0 where the server does not say. */
  readonly totalBytes: number;
}

/** Throws docker's text for a server that refuses, `internal` where none answers. */
export async function fetchSource(ctx: Ctx, url: URL): Promise<Source> {
  const answer = await fetch(url, { signal: ctx.signal }).catch((error: unknown) => {
    ctx.check();
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    throw new WherryError('internal', `Get "${shown(url)}": ${messageOf(cause)}`, { cause: error });
  });
  if (answer.ok && answer.body !== null) {
    // What is decoded on the way has another length than the server says.
    const length = answer.headers.has('content-encoding') ? null : answer.headers.get('content-length');
    return { body: Readable.fromWeb(answer.body), totalBytes: Number(length ?? 0) };
  }
  const code = answer.status === 404 ? 'not-found' : 'internal';
  const status = `${answer.status} ${answer.statusText}`;
  throw new WherryError(code, `failed to GET ${shown(url)} with status ${status}: ${await toldBy(answer)}`);
}

/** A name, a password or a signature may be in it. */
const shown = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

const TOLD_BYTES = 4096;

/** The beginning of what a server says besides the status. */
async function toldBy({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes >= TOLD_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, TOLD_BYTES).toString().trim();
}

/** Tells how far it got, ten times a second at most. */
export async function* metered(
  { body, totalBytes: total }: Source,
  tell: (at: { readonly current: number; readonly total: number }) => void,
): AsyncGenerator<Uint8Array> {
  let [current, toldAtMs] = [0, 0];
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    current += chunk.byteLength;
    yield chunk;
    if (performance.now() - toldAtMs < BAR_MS) continue;
    toldAtMs = performance.now();
    tell({ current, total });
  }
  tell({ current, total: total || current });
}

const BAR_MS = 100;
