import type { Ctx } from '../../common/ctx.ts';
import { notFound, WherryError } from '../../common/errors.ts';
import { parseChallenge } from './challenge.ts';
import type { Credentials, RegistryEndpoint, RegistryHosts } from './contract.ts';
import { failureOf } from './failures.ts';
import { openSession } from './session.ts';
import type { Tokens } from './tokens.ts';
import type { Incoming, Transport } from './transport.ts';

export interface RegistryParts {
  readonly hosts: RegistryHosts;
  readonly transport: Transport;
  readonly tokens: Tokens;
}

interface Login {
  readonly host: string;
  readonly credentials: Credentials;
}

/** Tries credentials on a registry itself, never on its mirrors. */
export async function logIn(
  ctx: Ctx,
  parts: RegistryParts,
  { host, credentials }: Login,
): Promise<{ readonly identityToken: string }> {
  const own = (await parts.hosts.endpoints(host)).filter(({ mirror }) => !mirror);
  const { endpoint, asked } = await firstAnswer(ctx, parts, { host, endpoints: own });
  try {
    return { identityToken: await logInAt(ctx, parts, { endpoint, asked, credentials }) };
  } catch (error) {
    if (!(error instanceof WherryError) || error.code !== 'permission-denied') throw error;
    const message = `login attempt to https://${host}/v2/ failed: ${error.message}`;
    throw new WherryError('permission-denied', message, { cause: error });
  }
}

interface Answered {
  readonly endpoint: RegistryEndpoint;
  readonly asked: Incoming;
}

/** Whoever answers is the registry, whatever it says: credentials go nowhere else then, least of all in the clear. */
async function firstAnswer(
  ctx: Ctx,
  { transport }: RegistryParts,
  { host, endpoints }: { readonly host: string; readonly endpoints: readonly RegistryEndpoint[] },
): Promise<Answered> {
  let failure: unknown = notFound(`No registry "${host}"`);
  for (const endpoint of endpoints) {
    try {
      return {
        endpoint,
        asked: await transport.send(ctx, endpoint, { method: 'GET', url: rootOf(endpoint) }),
      };
    } catch (error) {
      ctx.check();
      failure = error;
    }
  }
  throw failure;
}

const rootOf = ({ url }: RegistryEndpoint): URL => new URL(`${url}/v2/`);

async function logInAt(
  ctx: Ctx,
  { transport, tokens }: RegistryParts,
  { endpoint, asked, credentials }: Answered & { readonly credentials: Credentials },
): Promise<string> {
  if (asked.status !== 200 && asked.status !== 401) throw await failureOf(asked);
  const challenge = asked.status === 401 ? parseChallenge(asked.headers['www-authenticate']) : undefined;
  if (asked.status === 401 && challenge === undefined) throw await failureOf(asked);
  asked.body.resume();
  if (challenge?.scheme === 'bearer') {
    const token = await tokens.get(ctx, { endpoint, challenge, scopes: [], credentials, offline: true });
    return token.refreshToken;
  }
  const session = openSession({ transport, tokens, endpoint, scopes: [], credentials, challenge });
  const answer = await session.send(ctx, { method: 'GET', url: rootOf(endpoint) }, [200]);
  answer.body.resume();
  return '';
}
