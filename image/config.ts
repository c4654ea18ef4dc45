import { invalidArgument } from '../common/errors.ts';
import { isDigest } from './digest.ts';
import type { Image, ImageConfig } from './images.ts';
import {
  asList,
  asObject,
  asString,
  asStringMap,
  asStrings,
  optionalString,
  parseJson,
  type JsonObject,
} from './json.ts';
import type { DiffId } from './snapshots.ts';

/** Docker's layer store has the same; overlayfs takes 500. */
const MAX_LAYERS = 125;
const ZERO_TIME = '0001-01-01T00:00:00Z';

/** What an image's configuration says about it. */
export type ParsedConfig = Pick<
  Image,
  'config' | 'createdAt' | 'author' | 'architecture' | 'variant' | 'os' | 'diffIds' | 'history'
>;

/**
 * Reads an image configuration (image-spec config.md, and docker's extensions of it). Throws `invalid-argument` for a malformed
 * one, for one with too many layers, and for an image of another operating system.
 */
export function parseConfig(text: string): ParsedConfig {
  const root = asObject(parseJson(text, 'image configuration'), 'image configuration');
  const os = optionalString(root['os'], 'os') ?? 'linux';
  if (os !== 'linux' && os !== '') throw invalidArgument(`cannot load ${os} image on linux`);
  return {
    config: containerConfig(root['config']),
    createdAt: optionalString(root['created'], 'created') ?? ZERO_TIME,
    author: optionalString(root['author'], 'author') ?? '',
    architecture: optionalString(root['architecture'], 'architecture') ?? '',
    variant: optionalString(root['variant'], 'variant'),
    os: 'linux',
    diffIds: diffIdsOf(root['rootfs']),
    history: asList(root['history'], 'history').map((item) => historyOf(asObject(item, 'history'))),
  };
}

function diffIdsOf(rootfs: unknown): DiffId[] {
  const { diff_ids: list } = asObject(rootfs, 'rootfs of the image configuration');
  const ids = asStrings(list, 'rootfs.diff_ids');
  const wrong = ids.find((id) => !isDigest(id));
  if (wrong !== undefined) throw invalidArgument(`invalid rootfs.diff_ids: "${wrong}" is no sha256 digest`);
  if (ids.length > MAX_LAYERS) throw invalidArgument('max depth exceeded');
  return ids as DiffId[];
}

/** The parts that a container is made from are checked; the rest is passed on as it is. */
function containerConfig(value: unknown): ImageConfig {
  if (value === undefined || value === null) return {};
  const config = asObject(value, 'config');
  for (const key of ['User', 'WorkingDir', 'StopSignal']) optionalString(config[key], `config.${key}`);
  for (const key of ['Env', 'Entrypoint', 'Cmd', 'Shell', 'OnBuild']) asStrings(config[key], `config.${key}`);
  for (const key of ['ExposedPorts', 'Volumes']) {
    if (config[key] !== undefined && config[key] !== null) asObject(config[key], `config.${key}`);
  }
  asStringMap(config['Labels'], 'config.Labels');
  return withoutNulls(config);
}

/** Go writes what is unset as null; the lists that docker shows as null stay. */
function withoutNulls(config: JsonObject): JsonObject {
  const kept = new Set(['Entrypoint', 'Cmd', 'Volumes', 'Labels', 'OnBuild']);
  return Object.fromEntries(Object.entries(config).filter(([key, value]) => value !== null || kept.has(key)));
}

function historyOf(item: JsonObject): ParsedConfig['history'][number] {
  const texts = ['created', 'created_by', 'author', 'comment'] as const;
  const known = texts.flatMap((key) =>
    item[key] === undefined || item[key] === null ? [] : [[key, asString(item[key], `history.${key}`)]],
  );
  return { ...Object.fromEntries(known), ...(item['empty_layer'] === true ? { empty_layer: true } : {}) };
}
