import { arch } from 'node:process';
import { documentOf, INDEXES, MANIFESTS } from '../../../image/manifest.ts';
import type { Descriptor, Platform } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { isNotFound } from '../../containerd/errors.ts';
import { blobJson } from '../content/read.ts';
import type { Descriptor as WireDescriptor } from '../../../daemon/api/containerd/gen/containerd/types/descriptor_pb.ts';

export const fromWire = (wire: WireDescriptor | undefined): Descriptor => ({
  mediaType: wire?.mediaType ?? '',
  digest: (wire?.digest ?? '') as Descriptor['digest'],
  size: Number(wire?.size ?? 0n),
});

export const toWire = ({ mediaType, digest, size }: Descriptor) => ({
  mediaType,
  digest,
  size: BigInt(size),
});

/** What an image consists of for one platform. */
export interface ImageParts {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export const hostPlatform = (): Platform => ({ os: 'linux', architecture: GO_ARCHITECTURES[arch] ?? arch });

const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** Reads `linux/arm64/v8`, `arm64` or `linux`. */
export function readPlatform(text: string): Platform {
  const [first = '', second, variant] = text.split('/');
  if (second === undefined) {
    return first === 'linux' || first === 'windows'
      ? { ...hostPlatform(), os: first }
      : { os: 'linux', architecture: first };
  }
  return { os: first, architecture: second, ...(variant === undefined ? {} : { variant }) };
}

export const showPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/');

export const platformMatches = (wanted: Platform, is: Platform): boolean =>
  wanted.os === is.os &&
  wanted.architecture === is.architecture &&
  (wanted.variant === undefined || is.variant === undefined || wanted.variant === is.variant);

/** What a document names; nothing of a blob that is no document. */
export async function childrenOf(
  containerd: Containerd,
  descriptor: Descriptor,
): Promise<readonly Descriptor[]> {
  if (!INDEXES.has(descriptor.mediaType) && !MANIFESTS.has(descriptor.mediaType)) return [];
  const document = documentOf(descriptor, await blobJson(containerd, descriptor.digest));
  return document.kind === 'index' ? document.manifests : [document.config, ...document.layers];
}

/** The image's manifests, its own or those of its index, whose content is there. */
export async function manifestsOf(
  containerd: Containerd,
  target: Descriptor,
): Promise<readonly Descriptor[]> {
  if (!INDEXES.has(target.mediaType)) return [target];
  const nested = await Promise.all(
    (await childrenOf(containerd, target)).map((each) => manifestsOf(containerd, each)),
  );
  return nested.flat();
}

/** The platform that a manifest says in its index, or its config. Undefined where neither is there. */
export async function platformOf(
  containerd: Containerd,
  manifest: Descriptor,
): Promise<Platform | undefined> {
  if (manifest.platform !== undefined) return manifest.platform;
  try {
    const [config] = await childrenOf(containerd, manifest);
    if (config === undefined) return undefined;
    const { os, architecture, variant } = (await blobJson(containerd, config.digest)) as Partial<Platform>;
    if (os === undefined || architecture === undefined) return undefined;
    return { os, architecture, ...(variant ? { variant } : {}) };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Its parts for a platform; a lone manifest is taken whatever it is for. Throws when there is none. */
export async function partsFor(
  containerd: Containerd,
  target: Descriptor,
  wanted: Platform,
): Promise<ImageParts> {
  const manifests = await manifestsOf(containerd, target);
  for (const manifest of manifests) {
    const platform = await platformOf(containerd, manifest);
    if (manifests.length > 1 && (platform === undefined || !platformMatches(wanted, platform))) continue;
    const [config, ...layers] = await childrenOf(containerd, manifest);
    if (config !== undefined) return { manifest, config, layers };
  }
  throw new Error(
    `image might be filtered out: no match for platform ${showPlatform(wanted)} in ${target.digest}: not found`,
  );
}
