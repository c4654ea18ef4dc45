import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgument, messageOf, notFound } from '../errors.ts';
import { CNI_VERSIONS, type Chain, type CniConfig, type CniVersion, type PluginConfig } from './contract.ts';

/** A list as it is written: which of its versions is spoken is settled with the plugins. */
export interface List extends Omit<Chain, 'cniVersion'> {
  /** Those that we know, ascending; at least one. */
  readonly versions: readonly CniVersion[];
}

/** Network lists: read, found by name, checked. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const FILE = /\.(conflist|conf|json)$/;

/** A file with a list, or with one plugin. Throws `not-found`, and `invalid-argument` that names the file. */
export async function readList(path: string): Promise<List> {
  return parseList(await textOf(path), path);
}

/** The first file, by name, whose list is called so. Files that can't be read are others' affair. */
export async function findList(name: string, { confDirectories }: CniConfig): Promise<List> {
  for (const directory of confDirectories) {
    for (const file of await filesOf(directory)) {
      const path = join(directory, file);
      const text = await textOf(path);
      if (nameOf(text) === name) return parseList(text, path);
    }
  }
  throw notFound(`no CNI network "${name}" in ${confDirectories.join(', ')}`);
}

/** The default network: by convention the list of the first file, by name. Throws `not-found`, and `invalid-argument` that names the file. */
export async function firstList({ confDirectories }: Pick<CniConfig, 'confDirectories'>): Promise<List> {
  for (const directory of confDirectories) {
    const [first] = await filesOf(directory);
    if (first !== undefined) return readList(join(directory, first));
  }
  throw notFound(`no CNI network in ${confDirectories.join(', ')}`);
}

async function filesOf(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => FILE.test(name)).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw notFound(`the CNI configuration "${path}" does not exist`, { cause: error });
    throw invalidArgument(`Cannot read the CNI configuration "${path}": ${code ?? messageOf(error)}`, {
      cause: error,
    });
  }
}

function nameOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { name?: unknown } | null)?.name;
  } catch {
    return undefined;
  }
}

/** `where`: for the error. */
export function parseList(text: string, where: string): List {
  const wrong = (what: string) => invalidArgument(`the CNI configuration "${where}": ${what}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(messageOf(error));
  }
  if (!isObject(value)) throw wrong('it is no object');
  const { name, cniVersion = '0.1.0', cniVersions = [], plugins = [value] } = value;
  if (typeof name !== 'string' || !NAME.test(name)) throw wrong(`the name ${shown(name)} is not valid`);
  if (!Array.isArray(cniVersions)) throw wrong(`cniVersions is ${shown(cniVersions)}`);
  const versions = CNI_VERSIONS.filter((each) => each === cniVersion || cniVersions.includes(each));
  if (versions.length === 0) {
    const offered = [cniVersion, ...(cniVersions as readonly unknown[])].map(shown).join(' and ');
    throw wrong(`cniVersion is ${offered}, it must be one of ${CNI_VERSIONS.join(', ')}`);
  }
  const flag = (key: 'disableCheck' | 'disableGC'): boolean => {
    const { [key]: set = false } = value;
    if (!['true', 'false'].includes(String(set))) throw wrong(`${key} is ${shown(set)}`);
    return String(set) === 'true';
  };
  if (!Array.isArray(plugins) || plugins.length === 0) throw wrong('it has no plugins');
  const isOne = !Object.hasOwn(value, 'plugins');
  return {
    name,
    versions,
    disableCheck: flag('disableCheck'),
    disableGc: flag('disableGC'),
    plugins: plugins.map((plugin: unknown, index): PluginConfig => {
      const type = isObject(plugin) ? plugin['type'] : undefined;
      if (!isObject(plugin) || typeof type !== 'string' || type === '' || /[/\0]/.test(type))
        throw wrong(
          isOne ? 'it has neither "plugins" nor a "type"' : `plugins[${index}] has no valid "type"`,
        );
      return { ...plugin, type };
    }),
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const shown = (value: unknown): string => JSON.stringify(value) ?? 'not there';

/** Of some that ascend. */
export const highest = (versions: readonly CniVersion[]): CniVersion => versions.at(-1) ?? '0.3.1';

/** Versions are compared as numbers. */
export const atLeast = (version: CniVersion, other: CniVersion): boolean =>
  CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(other);
