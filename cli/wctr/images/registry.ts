import { readFileSync } from 'node:fs';
import { makeCtx, type Ctx } from '../../../common/ctx.ts';
import { bool, text, type Flags, type Values } from '../../../common/flags/flag.ts';
import { ask } from '../../registry/prompt.ts';
import { hostsFileEndpoints, type Access } from './hosts-toml.ts';
import { watchHttp } from './watch-http.ts';
import { silentLog } from '../../../common/log.ts';
import { complete, parseReference } from '../../../image/reference.ts';
import { makeRegistryClient } from '../../../image/registry/client.ts';
import type {
  Credentials,
  RegistryEndpoint,
  RegistryHosts,
  Repository,
} from '../../../image/registry/contract.ts';
import { knownHosts, makeRegistryHosts } from '../../../image/registry/hosts.ts';

/** How a registry is reached. */
export const registryFlags = {
  'skip-verify': bool('skip SSL certificate validation', { short: 'k' }),
  'plain-http': bool('allow connections using plain HTTP'),
  user: text('user[:password] Registry user and password', { short: 'u' }),
  refresh: text('refresh token for authorization server'),
  'hosts-dir': text('Custom hosts configuration directory'),
  tlscacert: text('path to TLS root CA'),
  tlscert: text('path to TLS client certificate'),
  tlskey: text('path to TLS client key'),
  'http-dump': bool('dump all HTTP request/responses when interacting with container registry'),
  'http-trace': bool('enable HTTP tracing for registry interactions'),
} satisfies Flags;

type RegistryFlags = Values<typeof registryFlags>;

export interface Remote {
  readonly repository: Repository;
  /** Tag or digest. */
  readonly reference: string;
  /** Of the registry: `docker.io`. */
  readonly host: string;
  /** Of the repository in it: `library/busybox`. */
  readonly path: string;
  readonly ctx: Ctx;
}

/** The repository that a complete name stands for. Throws for a name without tag and digest, as ctr does. */
export async function openRemote(ref: string, access: Access, flags: RegistryFlags): Promise<Remote> {
  const { name, tag, digest } = parseReference(ref);
  const reference = digest ?? tag;
  if (reference === undefined || complete({ name, tag, digest }) !== ref) {
    throw new Error(`failed to resolve reference "${ref}": object required`);
  }
  const slash = name.indexOf('/');
  const host = name.slice(0, slash);
  watch(flags);
  const client = makeRegistryClient({ hosts: await hostsOf(host, access, flags) });
  return {
    repository: client.repository(name, access, await credentialsOf(flags)),
    ...{ reference, host, path: name.slice(slash + 1), ctx: makeCtx(silentLog) },
  };
}

async function hostsOf(host: string, access: Access, flags: RegistryFlags): Promise<RegistryHosts> {
  if (flags['plain-http']) return knownHosts([{ url: `http://${host}`, mirror: false }]);
  const directory = flags['hosts-dir'];
  if (directory !== '') {
    const endpoints = await hostsFileEndpoints(directory, host, access);
    if (endpoints !== undefined) return knownHosts(endpoints);
    // Without a hosts.toml it may have certificates, as docker's directory has.
    return makeRegistryHosts({ mirrors: [], insecure: [], certificates: directory });
  }
  const file = (path: string): string | undefined => (path === '' ? undefined : readFileSync(path, 'utf8'));
  const [ca, cert, key] = [file(flags.tlscacert), file(flags.tlscert), file(flags.tlskey)];
  const given = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(flags['skip-verify'] ? { skipVerify: true } : {}),
  };
  if (Object.keys(given).length === 0) return makeRegistryHosts({ mirrors: [], insecure: [] });
  const url = host === 'docker.io' ? 'https://registry-1.docker.io' : `https://${host}`;
  const endpoint: RegistryEndpoint = { url, mirror: false, tls: given };
  return knownHosts([endpoint]);
}

function watch({ 'http-dump': dump, 'http-trace': trace }: RegistryFlags): void {
  if (dump || trace) watchHttp({ dump, trace });
}

async function credentialsOf({ user, refresh }: RegistryFlags): Promise<Credentials | undefined> {
  if (user === '') return undefined;
  const [username = '', ...rest] = user.split(':');
  if (refresh !== '') return { username, password: '', identityToken: refresh };
  if (rest.length > 0) return { username, password: rest.join(':') };
  return { username, password: await ask('Password: ', true) };
}
