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

/** The bytes behind a URL. Throws `invalid-argument` for a server that refuses, `unavailable` where none answers. */
export async function fetchSource(ctx: Ctx, url: URL): Promise<Readable> {
  const answer = await fetch(url, { signal: ctx.signal }).catch((error: unknown) => {
    ctx.check();
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    throw new WherryError('unavailable', `Get "${url.origin}${url.pathname}": ${messageOf(cause)}`, {
      cause: error,
    });
  });
  if (answer.ok && answer.body !== null) return Readable.fromWeb(answer.body);
  await answer.body?.cancel();
  throw invalidArgument(`Get "${url.origin}${url.pathname}": the server says ${answer.status}`);
}
