import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { invalidArgument, messageOf, notFound, type WherryError } from '../../common/errors.ts';
import { isDigest, type Digest } from '../../image/digest.ts';
import { configDirectory } from '../connection/docker-directory.ts';
import { escapeHtml } from '../format/json.ts';

/**
 * Docker's local manifest lists, in docker's own files, so that both clients share them: `manifests/<list>/<manifest>` below the directory
 * of settings, each a complete name with `-` for colons and `_` for slashes. The order of the names is that of the list.
 */
export interface ListedManifest {
  /** Complete. */
  readonly Ref: string;
  readonly Descriptor: {
    readonly mediaType: string;
    readonly digest: Digest;
    readonly size: number;
    readonly platform?: ListedPlatform;
  };
  /** What the registry sent, in base64; docker before 23 did not keep it. */
  readonly Raw?: string;
  /** The same as JSON, by its type. */
  readonly SchemaV2Manifest?: object;
  readonly OCIManifest?: object;
}

/** image-spec descriptor.md; the order of the keys counts, since a list's digest depends on it. */
export interface ListedPlatform {
  readonly architecture: string;
  readonly os: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly variant?: string;
}

const fileName = (name: string): string => name.replaceAll(':', '-').replaceAll('/', '_');
const root = (): string => join(configDirectory(), 'manifests');
const directoryOf = (list: string): string => join(root(), fileName(list));

/** All of a list; undefined when there is no such list. */
export function readList(list: string): readonly ListedManifest[] | undefined {
  const names = orNothing(() => readdirSync(directoryOf(list)));
  return names?.toSorted().flatMap((name) => readFile(join(directoryOf(list), name)) ?? []);
}

/** One of a list; undefined when it is not there. */
export const readListed = (list: string, manifest: string): ListedManifest | undefined =>
  readFile(join(directoryOf(list), fileName(manifest)));

/** Adds it to the list, or replaces it. In one step: the other client may be reading it. */
export function writeListed(list: string, manifest: string, listed: ListedManifest): void {
  mkdirSync(directoryOf(list), { recursive: true });
  // Beside the lists: whatever lies in one is taken for a manifest.
  const temporary = join(root(), `.${process.pid}`);
  writeFileSync(temporary, escapeHtml(JSON.stringify(listed)));
  renameSync(temporary, join(directoryOf(list), fileName(manifest)));
}

export const removeList = (list: string): void => rmSync(directoryOf(list), { recursive: true, force: true });

export const notListed = (name: string): WherryError => notFound(`No such manifest: ${name}`);

function readFile(path: string): ListedManifest | undefined {
  const text = orNothing(() => readFileSync(path, 'utf8'));
  if (text === undefined) return undefined;
  let parsed: Partial<ListedManifest> | null;
  try {
    parsed = JSON.parse(text) as Partial<ListedManifest> | null;
  } catch (error) {
    throw invalidArgument(`invalid manifest file ${path}: ${messageOf(error)}`, { cause: error });
  }
  if (typeof parsed?.Ref === 'string' && isDigest(parsed.Descriptor?.digest)) return parsed as ListedManifest;
  throw invalidArgument(`invalid manifest file ${path}: it has no name or no digest`);
}

function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
