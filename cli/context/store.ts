import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { invalidArgument, messageOf, notFound } from '../../common/errors.ts';
import { configDirectory, DEFAULT_CONTEXT } from '../connection/docker-directory.ts';

/**
 * Docker's contexts, in docker's own files, so that both clients share them:
 * `contexts/meta/<sha256 of the name>/meta.json` and `contexts/tls/<the same>/<endpoint>/{ca,cert,key}.pem`.
 */
export interface Context {
  readonly Name: string;
  /** `Description` is docker's; others may keep more here. */
  readonly Metadata: Readonly<Record<string, unknown>>;
  readonly Endpoints: Readonly<Record<string, ContextEndpoint>>;
}

export interface ContextEndpoint {
  readonly Host?: string;
  readonly SkipTLSVerify?: boolean;
}

/** Files of the docker endpoint by name. */
export type TlsMaterial = Readonly<Record<string, Buffer>>;

const idOf = (name: string): string => createHash('sha256').update(name).digest('hex');

export const metadataPath = (name: string): string => join(configDirectory(), 'contexts/meta', idOf(name));
export const tlsPath = (name: string): string => join(configDirectory(), 'contexts/tls', idOf(name));
const metaFile = (name: string): string => join(metadataPath(name), 'meta.json');

/** Throws `invalid-argument` for a name that docker would not take. */
export function checkNewName(name: string): void {
  if (name === '') throw invalidArgument('context name cannot be empty');
  if (name === DEFAULT_CONTEXT) throw invalidArgument(`"${DEFAULT_CONTEXT}" is a reserved context name`);
  checkName(name);
}

function checkName(name: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/.test(name)) return;
  throw invalidArgument(
    `context name "${name}" is invalid, names are validated against regexp "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$"`,
  );
}

export const exists = (name: string): boolean => existsSync(metaFile(name));

/** Throws `not-found` with docker's text. */
export function readContext(name: string): Context {
  const path = metaFile(name);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw invalidArgument(`context "${name}": ${messageOf(error)}`, { cause: error });
    throw notFound(`context "${name}": context not found: open ${path}: no such file or directory`, {
      cause: error,
    });
  }
  return parseContext(text, path);
}

/** Throws `invalid-argument` for what is no context. */
export function parseContext(text: string, path: string): Context {
  let parsed: Partial<Context> | null;
  try {
    parsed = JSON.parse(text) as Partial<Context> | null;
  } catch (error) {
    throw invalidArgument(`parsing ${path}: ${messageOf(error)}`, { cause: error });
  }
  const { Name = '', Metadata, Endpoints } = parsed ?? {};
  return { Name, Metadata: Metadata ?? {}, Endpoints: Endpoints ?? {} };
}

/** All but the default one, by name. Those that can't be read are left out. */
export function listContexts(): readonly Context[] {
  const directory = join(configDirectory(), 'contexts/meta');
  const ids = existsSync(directory) ? readdirSync(directory) : [];
  return ids
    .map((id) => join(directory, id, 'meta.json'))
    .filter((path) => existsSync(path))
    .map((path) => parseContext(readFileSync(path, 'utf8'), path))
    .toSorted((a, b) => (a.Name < b.Name ? -1 : 1));
}

/** In one step: the other client may be reading it. */
export function writeContext(context: Context): void {
  const path = metaFile(context.Name);
  mkdirSync(metadataPath(context.Name), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, JSON.stringify(context));
  renameSync(`${path}.${process.pid}`, path);
}

/** In place of whatever was kept for it. */
export function writeTls(name: string, endpoint: string, material: TlsMaterial): void {
  const directory = join(tlsPath(name), endpoint);
  rmSync(directory, { recursive: true, force: true });
  for (const [file, pem] of Object.entries(material)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, file), pem, { mode: 0o600 });
  }
}

export function readTls(name: string, endpoint: string): TlsMaterial {
  const directory = join(tlsPath(name), endpoint);
  return Object.fromEntries(
    filesIn(directory).map((file) => [file, readFileSync(join(directory, file))] as const),
  );
}

/** Names of the files of each endpoint that has some. */
export const listTls = (name: string): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    filesIn(tlsPath(name))
      .map((endpoint) => [endpoint, filesIn(join(tlsPath(name), endpoint))] as const)
      .filter(([, files]) => files.length > 0),
  );

const filesIn = (directory: string): string[] =>
  existsSync(directory) ? readdirSync(directory).toSorted() : [];

export function removeContext(name: string): void {
  rmSync(metadataPath(name), { recursive: true, force: true });
  rmSync(tlsPath(name), { recursive: true, force: true });
}
