import { arch } from 'node:process';
import { invalidArgument, notFound } from '../../common/errors.ts';
import { isDigest } from '../digest.ts';
import {
  asList,
  asObject,
  asString,
  asStringMap,
  optionalString,
  parseJson,
  type JsonObject,
} from '../json.ts';
import type { Descriptor, Manifest, Platform } from '../registry/contract.ts';

const MANIFESTS = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);
const INDEXES = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
/** Docker's own limit of layers is lower; what an index or a manifest of 4 MiB may name else is refused before it costs memory. */
const MAX_DESCRIPTORS = 10_000;
const ATTESTATION = 'attestation-manifest';

export type Document =
  | { readonly kind: 'index'; readonly manifests: readonly Descriptor[] }
  | { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] };

/**
 * Reads an index or a manifest. Throws `invalid-argument` for one that is both, or of another type than was stated: it would mean
 * something else to each reader (CVE-2021-41190).
 */
export function parseDocument({ descriptor, bytes }: Manifest): Document {
  const { digest, mediaType } = descriptor;
  const root = asObject(parseJson(Buffer.from(bytes).toString(), `manifest ${digest}`), 'manifest');
  const stated = optionalString(root['mediaType'], 'mediaType') ?? mediaType;
  const asManifest = 'config' in root || 'layers' in root || 'fsLayers' in root;
  const asIndex = 'manifests' in root;
  if (stated !== mediaType || asManifest === asIndex) {
    throw invalidArgument(`invalid manifest ${digest}: ambiguous or of another type than stated`);
  }
  const known = asIndex ? INDEXES : MANIFESTS;
  if (!known.has(mediaType))
    throw invalidArgument(`unsupported manifest media type ${mediaType} of ${digest}`);
  if (asIndex) return { kind: 'index', manifests: descriptorsOf(root, 'manifests') };
  return { kind: 'image', config: descriptorOf(root['config']), layers: descriptorsOf(root, 'layers') };
}

function descriptorsOf(root: JsonObject, key: string): Descriptor[] {
  const items = asList(root[key], key);
  if (items.length > MAX_DESCRIPTORS)
    throw invalidArgument(`invalid manifest: more than ${MAX_DESCRIPTORS} ${key}`);
  return items.map((item) => descriptorOf(item));
}

function descriptorOf(value: unknown): Descriptor {
  const item = asObject(value, 'descriptor');
  const { digest, size, platform } = item;
  if (!isDigest(digest)) throw invalidArgument(`invalid descriptor: digest ${JSON.stringify(digest)}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalidArgument(`invalid descriptor: size ${JSON.stringify(size)} of ${digest}`);
  }
  return {
    mediaType: asString(item['mediaType'], 'mediaType'),
    digest,
    size,
    annotations: asStringMap(item['annotations'], 'annotations'),
    ...(platform === undefined || platform === null ? {} : { platform: platformOf(platform) }),
  };
}

function platformOf(value: unknown): Platform {
  const item = asObject(value, 'platform');
  const variant = optionalString(item['variant'], 'platform.variant');
  return {
    os: optionalString(item['os'], 'platform.os') ?? '',
    architecture: optionalString(item['architecture'], 'platform.architecture') ?? '',
    ...(variant === undefined ? {} : { variant }),
  };
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
  ia32: '386',
};

/** `os[/architecture[/variant]]`; what is left out, and undefined, is this machine's. */
export function parsePlatform(text: string | undefined): Platform {
  const [os = 'linux', given = arch, variant] = text?.toLowerCase().split('/') ?? [];
  return { os, architecture: ARCHITECTURES[given] ?? given, ...(variant ? { variant } : {}) };
}

/** The manifest of an index that suits a platform best: its variant, else one without, else an older one of ARM's. */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor {
  const ranked = manifests
    .filter(({ annotations }) => annotations?.['vnd.docker.reference.type'] !== ATTESTATION)
    .map((descriptor) => ({ descriptor, rank: rank(descriptor.platform, wanted) }))
    .filter(({ rank: value }) => value >= 0)
    .sort((a, b) => b.rank - a.rank);
  const [best] = ranked;
  if (best !== undefined) return best.descriptor;
  throw notFound(`no matching manifest for ${platformText(wanted)} in the manifest list entries`);
}

export const platformText = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');

/** Negative: does not run there. An index may leave the platform out: anything may be behind it, so it comes last. */
function rank(platform: Platform | undefined, wanted: Platform): number {
  if (platform === undefined) return 0;
  const { os, architecture } = platform;
  if (os !== wanted.os || (ARCHITECTURES[architecture] ?? architecture) !== wanted.architecture) return -1;
  const [has, wants] = [version(platform), version(wanted)];
  if (has === wants) return 100;
  return has < wants ? 1 + has : -1;
}

/** Each runs what the lower ones run. Unset: ARM's v7, 64-bit ARM's v8, x86-64's v1. */
function version({ architecture, variant }: Platform): number {
  const unset: Readonly<Record<string, number>> = { arm: 7, arm64: 8, aarch64: 8 };
  return variant ? Number(/\d+/.exec(variant)?.[0] ?? 1) : (unset[architecture] ?? 1);
}
