import type { Ctx } from '../../common/ctx.ts';
import { invalidArgument, WherryError } from '../../common/errors.ts';
import { parseChallenge, type Challenge } from './challenge.ts';
import type { Credentials, RegistryEndpoint } from './contract.ts';
import { failureOf } from './failures.ts';
import { basic, type TokenRequest, type Tokens } from './tokens.ts';
import { plain, type Incoming, type Outgoing, type Transport } from './transport.ts';

/** One client's talk with one endpoint: keeps what authorises it, and follows redirects without taking that along. */
export interface Session {
  readonly endpoint: RegistryEndpoint;
  /** An answer with one of `expected`, which must be read or destroyed. Throws the registry's failure for any other. */
  send(ctx: Ctx, outgoing: Outgoing, expected: readonly number[]): Promise<Incoming>;
}

const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Those that keep the method and the body (RFC 9110, section 15.4). */
const REPEATED: ReadonlySet<number> = new Set([307, 308]);

const isRead = ({ method }: Outgoing): boolean => method === 'GET' || method === 'HEAD';

interface Options {
  readonly transport: Transport;
  readonly tokens: Tokens;
  readonly endpoint: RegistryEndpoint;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** What the endpoint is known to want. */
  readonly challenge?: Challenge | undefined;
}

export function openSession(options: Options): Session {
  const { transport, tokens, endpoint, scopes, credentials } = options;
  // A mirror is another host than the one that the credentials are for.
  const own = endpoint.mirror ? undefined : credentials;
  const origin = new URL(endpoint.url).origin;
  let { challenge } = options;
  const tokenRequest = (bearer: Extract<Challenge, { scheme: 'bearer' }>): TokenRequest => ({
    endpoint,
    challenge: bearer,
    scopes,
    credentials: own,
  });

  /** Undefined as long as the registry has not said what it wants, and where there is nothing to give it. */
  const authorization = async (ctx: Ctx, wanted: Challenge | undefined): Promise<string | undefined> => {
    if (own?.registryToken !== undefined) return `Bearer ${own.registryToken}`;
    if (wanted === undefined) return undefined;
    if (wanted.scheme === 'bearer') return `Bearer ${(await tokens.get(ctx, tokenRequest(wanted))).token}`;
    if (own === undefined || own.username === '')
      throw new WherryError('permission-denied', 'no basic auth credentials');
    return basic(own);
  };

  const once = (ctx: Ctx, outgoing: Outgoing, value: string | undefined): Promise<Incoming> => {
    const headers = { ...outgoing.headers, ...(value === undefined ? {} : { authorization: value }) };
    return transport.send(ctx, endpoint, { ...outgoing, headers });
  };

  /** A second time where the first answer tells what is wanted, or that a token is not good any more. */
  const authorised = async (ctx: Ctx, outgoing: Outgoing): Promise<Incoming> => {
    if (outgoing.url.origin !== origin) return once(ctx, outgoing, undefined);
    const used = await authorization(ctx, challenge);
    const first = await once(ctx, outgoing, used);
    if (first.status !== 401 || own?.registryToken !== undefined) return first;
    const wanted = parseChallenge(first.headers['www-authenticate']);
    // Basic credentials that were refused stay refused.
    if (wanted === undefined || (used !== undefined && wanted.scheme === 'basic')) return first;
    if (used !== undefined && challenge?.scheme === 'bearer')
      tokens.forget(tokenRequest(challenge), used.slice('Bearer '.length));
    first.body.resume();
    // Registries want a right of its own for DELETE, which the other requests have no need of, and may not be given.
    if (outgoing.method !== 'DELETE') challenge = wanted;
    return once(ctx, outgoing, await authorization(ctx, wanted));
  };

  return {
    endpoint,
    send: async (ctx, outgoing, expected) => {
      let next = outgoing;
      for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
        const answer = await authorised(ctx, next);
        if (expected.includes(answer.status)) return answer;
        const { location } = answer.headers;
        const follows = (isRead(next) ? REDIRECTS : REPEATED).has(answer.status);
        if (!follows || location === undefined) throw await failureOf(answer);
        answer.body.resume();
        next = { ...next, url: redirected(location, answer.url) };
      }
      throw invalidArgument(`"${plain(outgoing.url)}" redirects more than ${MAX_REDIRECTS} times`);
    },
  };
}

function redirected(location: string, from: URL): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw invalidArgument(`"${plain(from)}" redirects to "${location.split('?', 1)[0]}"`);
  if (from.protocol === 'https:' && url.protocol === 'http:')
    throw invalidArgument(`"${plain(from)}" redirects to "${plain(url)}", which is not encrypted`);
  return url;
}
