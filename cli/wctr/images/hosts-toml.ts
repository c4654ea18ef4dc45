import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { messageOf } from '../../../common/errors.ts';
import type { RegistryEndpoint } from '../../../image/registry/contract.ts';
import { isErrno } from '../../../native/sys/files.ts';

type Value = string | boolean | readonly Value[];
type Table = Map<string, Value>;

/** What to do with a registry's host. */
export type Access = 'pull' | 'push';

/**
 * Where containerd's `<directory>/<host>/hosts.toml` (or `_default`'s) says that a registry is, mirrors first
 * (https://github.com/containerd/containerd/blob/main/docs/hosts.md). Undefined without such a file.
 */
export async function hostsFileEndpoints(
  directory: string,
  host: string,
  access: Access,
): Promise<readonly RegistryEndpoint[] | undefined> {
  for (const name of [host, host.replace(/:(\d+)$/, '_$1_'), '_default']) {
    const path = join(directory, name, 'hosts.toml');
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    });
    if (text === undefined) continue;
    try {
      return await endpointsOf(parseHosts(text), { host, access, directory: dirname(path) });
    } catch (error) {
      throw new Error(`Cannot read "${path}": ${messageOf(error)}`, { cause: error });
    }
  }
  return undefined;
}

interface Wanted {
  readonly host: string;
  readonly access: Access;
  /** Of the file: its paths are relative to it. */
  readonly directory: string;
}

async function endpointsOf(
  { top, hosts }: ReturnType<typeof parseHosts>,
  { host, access, directory }: Wanted,
): Promise<readonly RegistryEndpoint[]> {
  const found: RegistryEndpoint[] = [];
  for (const [name, table] of hosts) {
    const capabilities = table.get('capabilities') ?? ['pull', 'resolve', 'push'];
    // Whoever gives blobs and does not say what a tag means would be asked that, too.
    const needed = access === 'push' ? ['push'] : ['pull', 'resolve'];
    if (!needed.every((each) => asList(capabilities).includes(each))) continue;
    found.push(await endpointOf(name, table, { directory, mirror: access === 'pull' }));
  }
  const own =
    top.get('server') ?? (host === 'docker.io' ? 'https://registry-1.docker.io' : `https://${host}`);
  return [...found, await endpointOf(String(own), top, { directory, mirror: false })];
}

async function endpointOf(
  name: string,
  table: Table,
  { directory, mirror }: { readonly directory: string; readonly mirror: boolean },
): Promise<RegistryEndpoint> {
  const url = new URL(/^https?:\/\//.test(name) ? name : `https://${name}`);
  if (!['/', '/v2', '/v2/'].includes(url.pathname))
    throw new Error(`the path of "${name}" is not supported: wctr asks for /v2/ at a host`);
  for (const key of ['header', 'override_path', 'dial_timeout'])
    if (table.has(key)) throw new Error(`"${key}" of "${name}" is not supported`);
  const read = async (value: Value | undefined): Promise<string | undefined> => {
    const files = value === undefined ? [] : asList(value).map((file) => resolve(directory, String(file)));
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    return texts.length === 0 ? undefined : texts.join('\n');
  };
  const [cert, key] = clientOf(table.get('client'));
  const parts = { ca: await read(table.get('ca')), cert: await read(cert), key: await read(key ?? cert) };
  const files = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
  const tls = { ...files, ...(table.get('skip_verify') === true ? { skipVerify: true } : {}) };
  return { url: url.origin, mirror, ...(Object.keys(tls).length === 0 ? {} : { tls }) };
}

const asList = (value: Value): readonly Value[] => (typeof value === 'object' ? value : [value]);

/** `client = "both.pem"`, `["cert", "key"]` or `[["cert", "key"]]`: one of several is all that a connection has. */
function clientOf(value: Value | undefined): readonly (Value | undefined)[] {
  if (value === undefined) return [];
  const [first, second] = asList(value);
  return typeof first === 'object' ? first : [first, second === '' ? undefined : second];
}

/** So much of TOML as such files have: tables, strings, booleans, lists of them. Throws for any other line. */
function parseHosts(text: string): { readonly top: Table; readonly hosts: ReadonlyMap<string, Table> } {
  const top: Table = new Map();
  const hosts = new Map<string, Table>();
  let table = top;
  for (const line of logicalLines(text)) {
    const header = /^\[\s*host\s*\.\s*(?:"([^"]+)"|'([^']+)')\s*(\.\s*header\s*)?\]$/.exec(line);
    if (header !== null) {
      const name = header[1] ?? header[2] ?? '';
      table = hosts.get(name) ?? new Map<string, Value>();
      hosts.set(name, table);
      if (header[3] !== undefined) table.set('header', true);
      continue;
    }
    const [, key, value] = /^([a-z_-]+)\s*=\s*(.+)$/i.exec(line) ?? [];
    if (key === undefined || value === undefined) throw new Error(`"${line}" is not understood`);
    table.set(key, valueOf(value));
  }
  return { top, hosts };
}

/** Without comments and blank lines; a list may go over several. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let open = '';
  for (const line of text.split('\n')) {
    const plain = line.replace(/^((?:[^"'#]|"[^"]*"|'[^']*')*)#.*$/, '$1').trim();
    if (plain === '') continue;
    open = open === '' ? plain : `${open} ${plain}`;
    const isList = /^[a-z_-]+\s*=\s*\[/i.test(open);
    if (isList && count(open, '[') > count(open, ']')) continue;
    lines.push(open);
    open = '';
  }
  if (open !== '') lines.push(open);
  return lines;
}

const count = (text: string, character: string): number => text.split(character).length - 1;

/** TOML's basic strings and lists are JSON's, but for literal strings and a comma behind the last. */
function valueOf(text: string): Value {
  try {
    return JSON.parse(
      text
        .replaceAll(/'([^']*)'/g, (_, literal: string) => JSON.stringify(literal))
        .replaceAll(/,\s*\]/g, ']'),
    ) as Value;
  } catch (error) {
    throw new Error(`"${text}" is not understood`, { cause: error });
  }
}
