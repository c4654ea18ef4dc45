import { createHash, createPrivateKey, randomBytes, sign, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { execOk } from './process.ts';

export interface TokenServer {
  /** The section `auth` of docker-registry's configuration. */
  readonly auth: string;
  /** Scopes of each token that was asked for, in order. */
  readonly asked: string[];
  /** Seconds that the next tokens live. */
  lifeS: number;
}

const ISSUER = 'wherry-tests';
const SERVICE = 'registry';

/**
 * Issues tokens that docker-registry takes: signed with a certificate of its own that the header has along. Anybody may pull,
 * `user` with the password `secret` may push. Ends with the test; its files are in `work`.
 */
export async function tokenServer(t: TestContext, work: string): Promise<TokenServer> {
  const [key, certificate] = [join(work, 'token.key'), join(work, 'token.crt')];
  await execOk([
    ...['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=tokens', '-days', '2'],
    ...['-keyout', key, '-out', certificate],
  ]);
  const issue = issuer(await readFile(key, 'utf8'), await readFile(certificate, 'utf8'));
  const state = { asked: [] as string[], lifeS: 300 };
  const server = createServer((request, answer) => {
    const url = new URL(request.url ?? '', 'http://x');
    const { authorization } = request.headers;
    const isUser = authorization === `Basic ${Buffer.from('user:secret').toString('base64')}`;
    const scopes = url.searchParams.getAll('scope').flatMap((scope) => scope.split(' '));
    state.asked.push(scopes.join(' '));
    if (authorization !== undefined && !isUser) {
      const errors = [{ code: 'UNAUTHORIZED', message: 'incorrect username or password' }];
      answer.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
      return;
    }
    const allowed = isUser ? ['pull', 'push'] : ['pull'];
    const token = issue(scopes, { allowed, lifeS: state.lifeS });
    const offline = isUser && url.searchParams.get('offline_token') === 'true' ? { refresh_token: 'r1' } : {};
    answer.writeHead(200, { 'content-type': 'application/json' });
    answer.end(JSON.stringify({ token, expires_in: state.lifeS, ...offline }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  const auth = `auth: {token: {realm: "${realm}", service: ${SERVICE}, issuer: ${ISSUER}, rootcertbundle: "${certificate}"}}`;
  return Object.assign(state, { auth });
}

/** `repository:a/b:pull,push`. */
const SCOPE = /^([^:]+):(.+):([^:]+)$/;

function issuer(
  key: string,
  certificate: string,
): (scopes: readonly string[], grant: { allowed: readonly string[]; lifeS: number }) => string {
  const x5c = [new X509Certificate(certificate).raw.toString('base64')];
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return (scopes, { allowed, lifeS }) => {
    const access = scopes.flatMap((scope) => {
      const [, type, name, actions = ''] = SCOPE.exec(scope) ?? [];
      const granted = actions.split(',').filter((action) => allowed.includes(action));
      return type === undefined ? [] : [{ type, name, actions: granted }];
    });
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, nbf: now - 5, exp: now + lifeS };
    const jti = createHash('sha256').update(randomBytes(16)).digest('hex');
    const claims = { iss: ISSUER, sub: 'user', aud: SERVICE, jti, access, ...times };
    const text = `${part({ typ: 'JWT', alg: 'RS256', x5c })}.${part(claims)}`;
    return `${text}.${sign('sha256', Buffer.from(text), createPrivateKey(key)).toString('base64url')}`;
  };
}
