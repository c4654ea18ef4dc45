import type { Ctx } from '../../common/ctx.ts';
import { invalidArgument } from '../../common/errors.ts';
import { MAX_DOCUMENT_BYTES } from '../archive/members.ts';
import { parseConfig, type ParsedConfig } from '../config.ts';
import { sha256 } from '../digest.ts';
import { asObject, optionalString, parseJson } from '../json.ts';
import { choosePlatform, CONFIGS, MAX_NESTING, parseDocument, platformOf } from '../manifest.ts';
import type { Descriptor, Manifest, Platform, Repository } from '../registry/contract.ts';
import type { ImageId } from '../snapshots.ts';

/** What a registry has under a name, for one platform. */
export interface RemoteDescription {
  /** What the name stands for: an index, or `manifest`. */
  readonly root: Descriptor;
  /** From the root to the manifest. */
  readonly documents: readonly Manifest[];
  readonly manifest: Descriptor;
  readonly id: ImageId;
  readonly configBytes: Uint8Array;
  readonly config: ParsedConfig;
  /** Lowest first, as many as `config.diffIds`. */
  readonly layers: readonly Descriptor[];
}

/** Goes from what a name stands for through indexes to an image. Throws the registry's errors, and `invalid-argument` for what is no image. */
export async function resolveImage(
  repository: Pick<Repository, 'manifest' | 'blob'>,
  ctx: Ctx,
  { root, platform }: { readonly root: Manifest; readonly platform: Platform },
): Promise<RemoteDescription> {
  const documents = [root];
  for (let last = root; ;) {
    const document = parseDocument(last);
    if (document.kind === 'image') {
      const read = await readImage(repository, ctx, document);
      return { ...read, root: root.descriptor, documents, manifest: last.descriptor };
    }
    if (documents.length > MAX_NESTING) {
      throw invalidArgument(`invalid index ${root.descriptor.digest}: nested too deeply`);
    }
    last = await manifestOf(repository, ctx, choosePlatform(document.manifests, platform));
    documents.push(last);
  }
}

/** What an index refers to must be what it says. */
async function manifestOf(
  repository: Pick<Repository, 'manifest'>,
  ctx: Ctx,
  { digest, mediaType }: Descriptor,
): Promise<Manifest> {
  const manifest = await repository.manifest(ctx, digest);
  if (manifest.descriptor.digest === digest && manifest.descriptor.mediaType === mediaType) return manifest;
  throw invalidArgument(`invalid manifest ${digest}: ambiguous or of another type than stated`);
}

async function readImage(
  repository: Pick<Repository, 'blob'>,
  ctx: Ctx,
  { config: descriptor, layers }: { readonly config: Descriptor; readonly layers: readonly Descriptor[] },
): Promise<Pick<RemoteDescription, 'id' | 'config' | 'configBytes' | 'layers'>> {
  if (!CONFIGS.has(descriptor.mediaType)) {
    throw invalidArgument(
      `unsupported media type ${descriptor.mediaType}: what the name stands for is no container image`,
    );
  }
  const configBytes = await readBlob(repository, ctx, descriptor);
  const text = Buffer.from(configBytes).toString();
  requireLinux(text);
  const config = parseConfig(text);
  const [expected, actual] = [layers.length, config.diffIds.length];
  if (expected !== actual) {
    throw invalidArgument(`invalid manifest, layers length mismatch: expected ${expected}, got ${actual}`);
  }
  return { id: descriptor.digest as string as ImageId, config, configBytes, layers };
}

function requireLinux(text: string): void {
  const root = asObject(parseJson(text, 'image configuration'), 'image configuration');
  const os = optionalString(root['os'], 'os') ?? 'linux';
  if (os === 'linux' || os === '') return;
  throw invalidArgument(`image operating system "${os}" cannot be used on this platform`);
}

/** A small blob, into memory. */
async function readBlob(
  repository: Pick<Repository, 'blob'>,
  ctx: Ctx,
  descriptor: Descriptor,
): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  if (size > MAX_DOCUMENT_BYTES) {
    throw invalidArgument(`invalid image configuration: ${size} bytes, more than ${MAX_DOCUMENT_BYTES}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of repository.blob(ctx, descriptor, 0)) {
    bytes += chunk.byteLength;
    if (bytes > size) break;
    chunks.push(chunk);
  }
  const data = Buffer.concat(chunks);
  if (sha256(data) === digest) return data;
  throw invalidArgument(`image config verification failed for digest ${digest}`);
}

/** Platforms that a name stands for. */
export async function platformsOf(
  repository: Pick<Repository, 'manifest' | 'blob'>,
  ctx: Ctx,
  manifest: Manifest,
): Promise<Platform[]> {
  const document = parseDocument(manifest);
  if (document.kind === 'index') return document.manifests.flatMap(({ platform }) => platform ?? []);
  if (!CONFIGS.has(document.config.mediaType)) return [];
  const text = Buffer.from(await readBlob(repository, ctx, document.config)).toString();
  return [platformOf(asObject(parseJson(text, 'image configuration'), 'image configuration'))];
}
