import type { Ctx } from '../../common/ctx.ts';
import { codeOf, notFound, WherryError } from '../../common/errors.ts';
import { parseChallenge } from './challenge.ts';
import type { Credentials, RegistryEndpoint, RegistryHosts } from './contract.ts';
import { failureOf } from './failures.ts';
import { openSession } from './session.ts';
import type { Tokens } from './tokens.ts';
import type { Transport } from './transport.ts';

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
  let failure: unknown = notFound(`No registry "${host}"`);
  for (const endpoint of own) {
    try {
      return { identityToken: await logInAt(ctx, parts, { endpoint, credentials }) };
    } catch (error) {
      ctx.check();
      failure = error;
      if (codeOf(error) !== 'unavailable') break;
    }
  }
  if (!(failure instanceof WherryError) || failure.code !== 'permission-denied') throw failure;
  const message = `login attempt to https://${host}/v2/ failed: ${failure.message}`;
  throw new WherryError('permission-denied', message, { cause: failure });
}

async function logInAt(
  ctx: Ctx,
  { transport, tokens }: RegistryParts,
  { endpoint, credentials }: { readonly endpoint: RegistryEndpoint; readonly credentials: Credentials },
): Promise<string> {
  const url = new URL(`${endpoint.url}/v2/`);
  const asked = await transport.send(ctx, endpoint, { method: 'GET', url });
  if (asked.status !== 200 && asked.status !== 401) throw await failureOf(asked);
  const challenge = asked.status === 401 ? parseChallenge(asked.headers['www-authenticate']) : undefined;
  if (asked.status === 401 && challenge === undefined) throw await failureOf(asked);
  asked.body.resume();
  if (challenge?.scheme === 'bearer') {
    const token = await tokens.get(ctx, { endpoint, challenge, scopes: [], credentials, offline: true });
    return token.refreshToken;
  }
  const session = openSession({ transport, tokens, endpoint, scopes: [], credentials, challenge });
  const answer = await session.send(ctx, { method: 'GET', url }, [200]);
  answer.body.resume();
  return '';
}
