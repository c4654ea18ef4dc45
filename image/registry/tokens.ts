import type { Ctx } from '../../common/ctx.ts';
import { codeOf, invalidArgument, messageOf, WherryError } from '../../common/errors.ts';
import { sha256 } from '../digest.ts';
import { asObject, parseJson } from '../json.ts';
import { Flights } from '../transfer/flights.ts';
import type { Challenge } from './challenge.ts';
import type { Credentials, RegistryEndpoint } from './contract.ts';
import { failureOf, TokenFailure } from './failures.ts';
import { readAll, type Incoming, type Outgoing, type Transport } from './transport.ts';

type Bearer = Extract<Challenge, { scheme: 'bearer' }>;

export interface Token {
  readonly token: string;
  readonly expiresAt: number;
  /** An identity token for the next time, where the server gives one. */
  readonly refreshToken: string;
}

export interface TokenRequest {
  readonly endpoint: RegistryEndpoint;
  readonly challenge: Bearer;
  /** `repository:a/b:pull,push`, besides those of the challenge. */
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** Asks for an identity token too. */
  readonly offline?: boolean;
}

/** Tokens of authorisation servers, each asked for once at a time (distribution's "Token Authentication Specification"). */
export interface Tokens {
  /** Who waits for the same shares the request, which goes on until the last of them has left. A login's is always a new one. */
  get(ctx: Ctx, request: TokenRequest): Promise<Token>;
  /** The registry did not take this one: the next `get` asks anew, unless somebody has already. */
  forget(request: TokenRequest, token: string): void;
}

const CLIENT_ID = 'docker';
/** What a server that does not say so means (the same specification). */
const DEFAULT_LIFE_S = 60;
/** A token is not used in its last seconds: it would expire on its way. */
const MARGIN_MS = 5_000;
const MAX_TOKEN_BYTES = 1 << 20;
/** A daemon may see many repositories and users in its life. */
const MAX_KNOWN = 200;
const REQUEST_MS = 60_000;

export function makeTokens(transport: Transport): Tokens {
  /** The oldest first. */
  const known = new Map<string, Token>();
  const flights = new Flights<Token>();
  const keep = (key: string, token: Token): void => {
    const now = Date.now();
    known.delete(key);
    for (const [other, { expiresAt }] of known) {
      if (expiresAt <= now || known.size >= MAX_KNOWN) known.delete(other);
    }
    known.set(key, token);
  };
  return {
    get: async (ctx, request) => {
      const key = keyOf(request);
      const token = known.get(key);
      if (token !== undefined && token.expiresAt > Date.now()) return token;
      return flights.join(ctx, {
        key,
        progress: () => {},
        run: async (own) => {
          const fresh = await fetchToken(own.within(REQUEST_MS), transport, request);
          if (request.offline !== true) keep(key, fresh);
          return fresh;
        },
      });
    },
    forget: (request, token) => {
      const key = keyOf(request);
      if (known.get(key)?.token === token) known.delete(key);
    },
  };
}

/** Nothing that can be read: it stays in memory for as long as the token does. */
const keyOf = ({ challenge, scopes, credentials, offline }: TokenRequest): string =>
  sha256(
    JSON.stringify([challenge.realm, challenge.service, scopesOf(challenge, scopes), credentials, offline]),
  );

function scopesOf(challenge: Bearer, scopes: readonly string[]): string[] {
  const asked = challenge.scope.split(' ').filter((scope) => scope !== '');
  return [...new Set([...scopes, ...asked])].toSorted();
}

async function fetchToken(ctx: Ctx, transport: Transport, request: TokenRequest): Promise<Token> {
  const { credentials } = request;
  const realm = realmOf(request);
  if (credentials?.identityToken !== undefined)
    return tokenOf(await refresh(ctx, transport, { request, realm }));
  const url = new URL(realm);
  const { challenge, scopes } = request;
  if (challenge.service !== '') url.searchParams.set('service', challenge.service);
  for (const scope of scopesOf(challenge, scopes)) url.searchParams.append('scope', scope);
  const named = credentials !== undefined && credentials.username !== '';
  if (named) url.searchParams.set('account', credentials.username);
  if (request.offline === true) {
    url.searchParams.set('offline_token', 'true');
    url.searchParams.set('client_id', CLIENT_ID);
  }
  const headers = named ? { authorization: basic(credentials) } : {};
  return tokenOf(await send(ctx, { transport, endpoint: request.endpoint }, { method: 'GET', url, headers }));
}

/** OAuth 2 with a refresh token (RFC 6749, section 6). */
async function refresh(
  ctx: Ctx,
  transport: Transport,
  { request, realm }: { readonly request: TokenRequest; readonly realm: URL },
): Promise<Incoming> {
  const { challenge, scopes, credentials } = request;
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: credentials?.identityToken ?? '',
    service: challenge.service,
    client_id: CLIENT_ID,
    scope: scopesOf(challenge, scopes).join(' '),
  });
  const body = (): Uint8Array => Buffer.from(form.toString());
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return send(ctx, { transport, endpoint: request.endpoint }, { method: 'POST', url: realm, headers, body });
}

interface Way {
  readonly transport: Transport;
  readonly endpoint: RegistryEndpoint;
}

async function send(ctx: Ctx, { transport, endpoint }: Way, outgoing: Outgoing): Promise<Incoming> {
  const answer = await transport.send(ctx, endpoint, outgoing).catch((error: unknown) => {
    ctx.check();
    throw new TokenFailure(codeOf(error), messageOf(error), { cause: causeOf(error) });
  });
  if (answer.status === 200) return answer;
  throw await failureOf(answer);
}

/** What the network said: whether it makes sense to try again is seen by it. */
const causeOf = (error: unknown): unknown => (error instanceof Error ? error.cause : undefined);

/** Credentials go in the clear only where the registry itself is spoken to in the clear. */
function realmOf({ challenge, endpoint, credentials }: TokenRequest): URL {
  if (!URL.canParse(challenge.realm)) throw invalidArgument(`invalid token realm "${challenge.realm}"`);
  const realm = new URL(challenge.realm);
  const isPlain = realm.protocol === 'http:';
  if (!isPlain && realm.protocol !== 'https:')
    throw invalidArgument(`invalid token realm "${challenge.realm}"`);
  if (isPlain && credentials !== undefined && endpoint.url.startsWith('https:'))
    throw new WherryError(
      'permission-denied',
      `the registry asks to send credentials to "${realm.origin}", which is not encrypted`,
    );
  return realm;
}

async function tokenOf(answer: Incoming): Promise<Token> {
  const text = String(await readAll(answer, MAX_TOKEN_BYTES));
  const body = asObject(parseJson(text, 'answer of the token server'), 'answer of the token server');
  const token = [body['token'], body['access_token']].find(
    (value): value is string => typeof value === 'string' && value !== '',
  );
  if (token === undefined)
    throw new WherryError(
      'permission-denied',
      'authorization server did not include a token in the response',
    );
  const life = typeof body['expires_in'] === 'number' ? body['expires_in'] : DEFAULT_LIFE_S;
  const refreshToken = typeof body['refresh_token'] === 'string' ? body['refresh_token'] : '';
  return { token, refreshToken, expiresAt: Date.now() + Math.max(life * 1000 - MARGIN_MS, life * 500) };
}

export const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
