import type { FastifyRequest } from 'fastify';
import type { Credentials } from '../../../image/registry/contract.ts';

/** What `X-Registry-Auth` and the body of `POST /auth` hold. */
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  /** base64 of `username:password`, as in config.json. */
  readonly auth?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  readonly serveraddress?: string;
}

/**
 * The credentials of `X-Registry-Auth`: base64 (of URLs or the plain one) of JSON. Undefined where there are none, and where the
 * header can't be read: docker ignores such a one, and the registry then says what it wants.
 */
export function registryAuth(request: FastifyRequest): Credentials | undefined {
  const header = request.headers['x-registry-auth'];
  if (typeof header !== 'string' || header === '') return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? toCredentials(parsed) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined for a configuration that names nobody. */
export function toCredentials(config: AuthConfig): Credentials | undefined {
  const [username, password] = namePair(config);
  const { identitytoken, registrytoken } = config;
  if (!username && !identitytoken && !registrytoken) return undefined;
  return {
    username,
    password,
    ...(identitytoken ? { identityToken: identitytoken } : {}),
    ...(registrytoken ? { registryToken: registrytoken } : {}),
  };
}

function namePair({ username = '', password = '', auth }: AuthConfig): [username: string, password: string] {
  if (username !== '' || !auth) return [username, password];
  const decoded = Buffer.from(auth, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon === -1 ? ['', ''] : [decoded.slice(0, colon), decoded.slice(colon + 1)];
}
