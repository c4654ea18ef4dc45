import { lookup } from 'node:dns/promises';
import { readdir, readFile } from 'node:fs/promises';
import { BlockList, isIP } from 'node:net';
import { join } from 'node:path';
import { invalidArgument, messageOf } from '../../common/errors.ts';
import { asList, asObject, optionalString, parseJson } from '../json.ts';
import type { RegistryEndpoint, RegistryHosts } from './contract.ts';

export interface HostsConfig {
  /** docker's `registry-mirrors`: URLs, tried before the hub. */
  readonly mirrors: readonly string[];
  /** docker's `insecure-registries`: `host[:port]`, or networks as `10.0.0.0/8`. */
  readonly insecure: readonly string[];
  /** `<directory>/<host>.json`, see `HostFile`. */
  readonly directory?: string;
  /** `<directory>/<host>/*.crt`, `*.cert` and `*.key`, as docker has them. */
  readonly certificates?: string;
}

/** What `/etc/wherry/registry.d/<host>.json` may say of one registry. */
interface HostFile {
  readonly mirrors: readonly RegistryEndpoint[];
  /** In place of `https://<host>`. */
  readonly server: string | undefined;
  readonly tls: RegistryEndpoint['tls'];
}

const HUB = 'docker.io';
const HUB_URL = 'https://registry-1.docker.io';
const LOOPBACK = ['127.0.0.0/8', '::1/128', 'localhost'];
export const HOSTS_DIRECTORY = '/etc/wherry/registry.d';
export const CERTIFICATES_DIRECTORY = '/etc/docker/certs.d';

/**
 * Where a registry is. The hub's mirrors come from `registry-mirrors`, those of any registry from its file. A registry that is insecure
 * (docker's rule: named so, or on this machine) is tried with TLS that nobody vouches for, then without.
 */
export function makeRegistryHosts(config: HostsConfig): RegistryHosts {
  const isInsecure = insecureRule([...LOOPBACK, ...config.insecure]);
  const mirrors = config.mirrors.map((url) => ({ url: origin(url, 'registry-mirrors'), mirror: true }));
  return {
    endpoints: async (host) => {
      const file = await readHostFile(config.directory ?? HOSTS_DIRECTORY, host);
      const tls = file?.tls ?? (await certificatesOf(config.certificates ?? CERTIFICATES_DIRECTORY, host));
      const before = [...(file?.mirrors ?? []), ...(host === HUB ? mirrors : [])];
      const own = file?.server ?? (host === HUB ? HUB_URL : `https://${host}`);
      const secure = { url: own, mirror: false, ...(tls === undefined ? {} : { tls }) };
      if (file?.server !== undefined || host === HUB || !(await isInsecure(host))) return [...before, secure];
      const open = { url: own, mirror: false, tls: { ...tls, skipVerify: true } };
      return [...before, open, { url: `http://${host}`, mirror: false }];
    },
  };
}

/** For a worker: endpoints that were found before. */
export const knownHosts = (endpoints: readonly RegistryEndpoint[]): RegistryHosts => ({
  endpoints: async () => endpoints,
});

/**
 * Throws `invalid-argument` that names the value. For `daemon.json`'s check as well. As in docker, a name is in a network when one of its
 * addresses is, and one without addresses is in none.
 */
export function insecureRule(entries: readonly string[]): (host: string) => Promise<boolean> {
  const names = new Set<string>();
  const networks = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address);
    if (bits !== undefined && family !== 0) {
      const width = Number(bits);
      if (!/^\d+$/.test(bits) || width > (family === 4 ? 32 : 128))
        throw invalidArgument(`insecure registry "${entry}" is not valid: invalid network`);
      networks.addSubnet(address, width, family === 4 ? 'ipv4' : 'ipv6');
    } else if (/^[a-zA-Z0-9.-]+(:\d{1,5})?$|^\[[0-9a-fA-F:]+\](:\d{1,5})?$/.test(entry)) {
      names.add(entry.toLowerCase());
    } else {
      throw invalidArgument(`insecure registry "${entry}" is not valid: it is no host and no network`);
    }
  }
  return async (host) => {
    const name = host.toLowerCase().replace(/:\d+$/, '');
    if (names.has(host.toLowerCase()) || names.has(name)) return true;
    const addresses = await addressesOf(name.replaceAll(/^\[|\]$/g, ''));
    return addresses.some((address) => networks.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6'));
  };
}

async function addressesOf(name: string): Promise<string[]> {
  if (isIP(name) !== 0) return [name];
  const found = await lookup(name, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}

/** The origin of a URL of http or https without path. Throws `invalid-argument`. */
export function origin(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw invalidArgument(`invalid ${what}: "${text}" is no URL of http or https`);
  if (
    url.username !== '' ||
    url.password !== '' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.pathname !== '/'
  )
    throw invalidArgument(`invalid ${what}: "${url.origin}${url.pathname}" has more than a host`);
  return url.origin;
}

async function readHostFile(directory: string, host: string): Promise<HostFile | undefined> {
  const path = join(directory, `${host}.json`);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const root = asObject(parseJson(text, 'registry file'), 'registry file');
    const unknown = Object.keys(root).find((key) => !['server', 'mirrors', ...TLS_KEYS].includes(key));
    if (unknown !== undefined) throw invalidArgument(`unknown key "${unknown}"`);
    const server = optionalString(root['server'], 'server');
    const mirrors = asList(root['mirrors'], 'mirrors').map((item) => mirrorOf(item));
    return {
      mirrors: await Promise.all(mirrors),
      server: server === undefined ? undefined : origin(server, 'server'),
      tls: await tlsOf(root),
    };
  } catch (error) {
    throw invalidArgument(`Cannot read "${path}": ${messageOf(error)}`, { cause: error });
  }
}

async function mirrorOf(item: unknown): Promise<RegistryEndpoint> {
  const root = typeof item === 'string' ? { url: item } : asObject(item, 'mirrors');
  const tls = await tlsOf(root);
  const url = origin(optionalString(root['url'], 'url') ?? '', 'mirrors');
  return { url, mirror: true, ...(tls === undefined ? {} : { tls }) };
}

const TLS_KEYS = ['ca', 'cert', 'key', 'skipVerify'];

/** Paths of PEM files. */
async function tlsOf(root: Readonly<Record<string, unknown>>): Promise<RegistryEndpoint['tls']> {
  const file = async (key: string): Promise<string | undefined> => {
    const path = optionalString(root[key], key);
    return path === undefined ? undefined : readFile(path, 'utf8');
  };
  const [ca, cert, key] = await Promise.all([file('ca'), file('cert'), file('key')]);
  const skipVerify = root['skipVerify'] === true;
  return made({ ca, cert, key, skipVerify });
}

/** docker's directory of a host: all `*.crt` are authorities, a `*.cert` is the client's own, with its `*.key`. */
async function certificatesOf(directory: string, host: string): Promise<RegistryEndpoint['tls']> {
  const path = join(directory, host);
  const names = await readdir(path).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const read = async (suffix: string): Promise<string[]> =>
    Promise.all(
      names
        .filter((name) => name.endsWith(suffix))
        .toSorted()
        .map((name) => readFile(join(path, name), 'utf8')),
    );
  const [authorities, [cert], [key]] = await Promise.all([read('.crt'), read('.cert'), read('.key')]);
  if ((cert === undefined) !== (key === undefined))
    throw invalidArgument(
      `"${path}" has ${cert === undefined ? 'a key without its certificate' : 'a certificate without its key'}`,
    );
  return made({
    ca: authorities.length === 0 ? undefined : authorities.join('\n'),
    cert,
    key,
    skipVerify: false,
  });
}

function made(parts: {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly skipVerify: boolean;
}): RegistryEndpoint['tls'] {
  const { skipVerify, ...files } = parts;
  const given = Object.fromEntries(Object.entries(files).filter(([, value]) => value !== undefined));
  const tls = { ...given, ...(skipVerify ? { skipVerify } : {}) };
  return Object.keys(tls).length === 0 ? undefined : tls;
}

/** Asked here, since `native/` would draw its foreign functions into whatever knows where a registry is: the command line, for one. */
const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
