import { arch } from 'node:process';
import { invalidArgument, notFound } from '../common/errors.ts';
import { isDigest } from './digest.ts';
import {
  asList,
  asObject,
  asString,
  asStringMap,
  optionalString,
  parseJson,
  type JsonObject,
} from './json.ts';
import type { Descriptor, Manifest, Platform } from './registry/contract.ts';

/** Media types of documents (image-spec media-types.md, and docker's schema 2). */
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';

export const INDEXES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_LIST]);
export const MANIFESTS: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST]);
/** Of what can be run; other manifests describe charts, signatures and the like. */
export const CONFIGS: ReadonlySet<string> = new Set([OCI_CONFIG, DOCKER_CONFIG]);
/** An index in an index in an index: nobody nests deeper. */
export const MAX_NESTING = 4;
/** Docker's own limit of layers is lower; what an index or a manifest of 4 MiB may name else is refused before it costs memory. */
const MAX_DESCRIPTORS = 10_000;

export type Document =
  | { readonly kind: 'index'; readonly manifests: readonly Descriptor[] }
  | { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] };

/**
 * Reads an index or a manifest. Throws `invalid-argument` for one that is both, or of another type than was stated: it would mean
 * something else to each reader (CVE-2021-41190).
 */
export const parseDocument = ({ descriptor, bytes }: Manifest): Document =>
  documentOf(descriptor, parseJson(Buffer.from(bytes).toString(), `manifest ${descriptor.digest}`));

/** The same of a document whose JSON is parsed. */
export function documentOf({ digest, mediaType }: Descriptor, value: unknown): Document {
  const root = asObject(value, 'manifest');
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

/** The list of that name. Throws `invalid-argument`, for one that is too long too. */
export function descriptorsOf(root: JsonObject, key: 'manifests' | 'layers'): Descriptor[] {
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
    ...(platform === undefined || platform === null
      ? {}
      : { platform: platformOf(asObject(platform, 'platform')) }),
  };
}

/** The part of a descriptor, and of an image's configuration: both have these names. */
export function platformOf(item: JsonObject): Platform {
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

/** In Go's words, as images have it, whoever named it. */
export const goArchitecture = (name: string): string => ARCHITECTURES[name] ?? name;

/** `os[/architecture[/variant]]`; what is left out, and undefined, is this machine's. */
export function parsePlatform(text: string | undefined): Platform {
  const [os = 'linux', given = arch, variant] = text?.toLowerCase().split('/') ?? [];
  return { os, architecture: goArchitecture(given), ...(variant ? { variant } : {}) };
}

/** The manifest of an index that suits a platform best: its variant, else one without, else an older one of ARM's. */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor {
  const [best] = bestPlatformFirst(manifests, wanted);
  if (best !== undefined && rank(best.platform, wanted) >= 0) return best;
  throw notFound(`no matching manifest for ${platformText(wanted)} in the manifest list entries`);
}

/** All but attestations; last what does not run there. */
export const bestPlatformFirst = (manifests: readonly Descriptor[], wanted: Platform): Descriptor[] =>
  manifests
    .filter((descriptor) => !isAttestation(descriptor))
    .sort((a, b) => rank(b.platform, wanted) - rank(a.platform, wanted));

/** Buildkit's notes on how an image was built, in an index beside it. */
export const isAttestation = ({ annotations }: Descriptor): boolean =>
  annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';

export const platformText = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');

/** Negative: does not run there. An index may leave the platform out: anything may be behind it, so it comes last. */
function rank(platform: Platform | undefined, wanted: Platform): number {
  if (platform === undefined) return 0;
  const { os, architecture } = platform;
  if (os !== wanted.os || goArchitecture(architecture) !== wanted.architecture) return -1;
  const [has, wants] = [version(platform), version(wanted)];
  if (has === wants) return 100;
  return has < wants ? 1 + has : -1;
}

/** Each runs what the lower ones run. Unset: ARM's v7, 64-bit ARM's v8, x86-64's v1. */
function version({ architecture, variant }: Platform): number {
  const unset: Readonly<Record<string, number>> = { arm: 7, arm64: 8, aarch64: 8 };
  return variant ? Number(/\d+/.exec(variant)?.[0] ?? 1) : (unset[architecture] ?? 1);
}
