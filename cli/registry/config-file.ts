import { chmodSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { invalidArgument, messageOf } from '../../common/errors.ts';
import { configDirectory } from '../connection/docker-directory.ts';

/** What docker's config.json says of registries; whatever else it holds is kept as it is. */
export interface ConfigFile {
  readonly path: string;
  readonly content: Readonly<Record<string, unknown>>;
}

export interface StoredAuth {
  /** base64 of `name:password`. */
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

/** `$DOCKER_CONFIG/config.json`, or the one in `~/.docker`; none is empty. Throws `invalid-argument` for one that is no JSON. */
export function readConfigFile(): ConfigFile {
  const path = join(configDirectory(), 'config.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { path, content: {} };
    throw invalidArgument(`Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return { path, content: parse(path, text) };
}

/** What a JSON parser says may quote the file, so its words are left out. */
function parse(path: string, text: string): Record<string, unknown> {
  try {
    const content: unknown = text.trim() === '' ? {} : JSON.parse(text);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
      return content as Record<string, unknown>;
    }
  } catch {
    // Told below.
  }
  throw invalidArgument(`Cannot read ${path}: it is not a JSON object`);
}

export const authsOf = ({ content }: ConfigFile): Readonly<Record<string, StoredAuth>> =>
  (content['auths'] ?? {}) as Readonly<Record<string, StoredAuth>>;

/** The credential helper for a server, the part of its name after `docker-credential-`; undefined: the file itself. */
export function helperOf({ content }: ConfigFile, server: string): string | undefined {
  const helpers = (content['credHelpers'] ?? {}) as Readonly<Record<string, string>>;
  const name = (Object.hasOwn(helpers, server) ? helpers[server] : undefined) ?? content['credsStore'];
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** Writes it in one step, for its owner alone; a link stays one. */
export function writeConfigFile({ path, content }: ConfigFile): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const target = resolved(path);
  const temporary = `${target}.${process.pid}`;
  try {
    writeFileSync(temporary, `${JSON.stringify(content, undefined, '\t')}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(temporary, 0o600);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
