import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { internal, notFound } from '../../../../common/errors.ts';

/** Where plugins tell that they are there. */
export interface PluginDirectories {
  readonly sockets: string;
  /** In this order. */
  readonly specs: readonly string[];
}

export const PLUGIN_DIRECTORIES: PluginDirectories = {
  sockets: '/run/docker/plugins',
  specs: ['/etc/docker/plugins', '/usr/lib/docker/plugins'],
};

/** How a plugin is reached: a unix socket, or TCP without TLS. */
export type PluginAddress =
  { readonly socketPath: string } | { readonly host: string; readonly port: number };

const EXTENSIONS = ['.spec', '.json'];

/** Docker's search: a socket first, then a specification. Throws `not-found` `plugin "x" not found`. */
export async function findPlugin(directories: PluginDirectories, name: string): Promise<PluginAddress> {
  // A name is one file's name, and no path.
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.:-]*$/.test(name)) throw notFound(`plugin "${name}" not found`);
  for (const socketPath of [`${name}.sock`, join(name, `${name}.sock`)].map((path) =>
    join(directories.sockets, path),
  )) {
    if (await isSocket(socketPath)) return { socketPath };
  }
  for (const path of specPaths(directories, name)) {
    const text = await readIfThere(path);
    if (text !== undefined) return addressIn(text, { name, isJson: path.endsWith('.json') });
  }
  throw notFound(`plugin "${name}" not found`);
}

const specPaths = ({ specs }: PluginDirectories, name: string): string[] =>
  specs.flatMap((directory) =>
    EXTENSIONS.flatMap((extension) => [
      join(directory, `${name}${extension}`),
      join(directory, name, `${name}${extension}`),
    ]),
  );

/** Names of plugins whose sockets are there. */
export async function pluginNames(directories: PluginDirectories): Promise<readonly string[]> {
  const entries = await readdir(directories.sockets).catch(() => []);
  return entries.flatMap((entry) => (entry.endsWith('.sock') ? [entry.slice(0, -'.sock'.length)] : []));
}

function addressIn(
  text: string,
  { name, isJson }: { readonly name: string; readonly isJson: boolean },
): PluginAddress {
  const address = isJson ? jsonAddress(text, name) : text.trim();
  const [, scheme, rest = ''] = /^(unix|tcp|http):\/\/(.+)$/.exec(address) ?? [];
  if (scheme === 'unix') return { socketPath: rest };
  const [, host = '', port = ''] = /^\[?([^\]]+?)\]?:(\d+)\/?$/.exec(rest) ?? [];
  if (scheme === undefined || host === '') throw internal(`plugin "${name}": its address is "${address}"`);
  return { host, port: Number(port) };
}

function jsonAddress(text: string, name: string): string {
  try {
    const { Addr, TLSConfig } = JSON.parse(text) as { Addr?: unknown; TLSConfig?: unknown };
    if (TLSConfig !== undefined && TLSConfig !== null) throw internal('TLS is not supported');
    return String(Addr);
  } catch (error) {
    throw internal(`plugin "${name}": its specification can't be read`, { cause: error });
  }
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isSocket();
  } catch {
    return false;
  }
}

const readIfThere = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
