import { buffer } from 'node:stream/consumers';
import { WherryError } from '../../../../common/errors.ts';
import { sha256, type Digest } from '../../../../image/digest.ts';
import type {
  Descriptor,
  Manifest,
  RegistryClient,
  Repository,
} from '../../../../image/registry/contract.ts';

/** What a registry holds, in memory: to look at what is asked of one, and in which order. */
export interface MemoryRegistry extends RegistryClient {
  /** By the complete name of a repository. */
  readonly blobs: Map<string, Map<Digest, Uint8Array>>;
  readonly manifests: Map<string, Map<string, Manifest>>;
  /** `upload <digest>`, `mount <digest> <from>`, `put <reference>`. */
  readonly asked: string[];
  /** Called before an upload; may wait or throw. */
  beforeUpload: (signal: AbortSignal, digest: Digest) => Promise<void>;
}

export function memoryRegistry(): MemoryRegistry {
  const registry: MemoryRegistry = {
    blobs: new Map(),
    manifests: new Map(),
    asked: [],
    beforeUpload: async () => {},
    repository: (name) => repositoryOf(registry, name),
    login: () => Promise.reject(new Error('not asked for')),
    search: () => Promise.reject(new Error('not asked for')),
  };
  return registry;
}

function entry<V>(of: Map<string, Map<string, V>>, name: string): Map<string, V> {
  const found = of.get(name) ?? new Map<string, V>();
  of.set(name, found);
  return found;
}

function repositoryOf(registry: MemoryRegistry, name: string): Repository {
  const blobs = entry(registry.blobs, name);
  const manifests = entry(registry.manifests, name);
  const domain = name.slice(0, name.indexOf('/'));
  const unused = (): never => {
    throw new Error('not asked for');
  };
  return {
    manifest: unused,
    manifestDescriptor: unused,
    blob: unused,
    tags: unused,
    referrers: unused,
    blobBytes: () => Promise.resolve(undefined),
    hasBlob: async (_ctx, digest) => blobs.has(digest),
    mountBlob: async (_ctx, digest, from) => {
      registry.asked.push(`mount ${digest} ${from}`);
      const found = registry.blobs.get(`${domain}/${from}`)?.get(digest);
      if (found !== undefined) blobs.set(digest, found);
      return found !== undefined;
    },
    uploadBlob: async (...upload) => {
      const [ctx, blob, open, onBytes] = upload;
      // As a registry's client does: who waits for the signal only would wait for ever.
      ctx.check();
      await registry.beforeUpload(ctx.signal, blob.digest);
      registry.asked.push(`upload ${blob.digest}`);
      const bytes = await buffer(open(0));
      onBytes(bytes.byteLength);
      check(blob, bytes);
      blobs.set(blob.digest, bytes);
    },
    putManifest: async (_ctx, reference, manifest) => {
      registry.asked.push(`put ${reference}`);
      check(manifest.descriptor, manifest.bytes);
      requireParts(manifest, { blobs, manifests });
      manifests.set(reference, manifest).set(manifest.descriptor.digest, manifest);
    },
  };
}

function check({ digest, size }: Descriptor, bytes: Uint8Array): void {
  if (sha256(bytes) === digest && bytes.byteLength === size) return;
  throw new WherryError('invalid-argument', 'digest invalid');
}

/** A registry takes no manifest of what it does not have. */
function requireParts(
  { bytes }: Manifest,
  there: { readonly blobs: Map<string, Uint8Array>; readonly manifests: Map<string, Manifest> },
): void {
  const document = JSON.parse(Buffer.from(bytes).toString()) as {
    config?: Descriptor;
    layers?: Descriptor[];
    manifests?: Descriptor[];
  };
  const blobs = [...(document.config === undefined ? [] : [document.config]), ...(document.layers ?? [])];
  const missing = [
    ...blobs.filter(({ digest }) => !there.blobs.has(digest)),
    ...(document.manifests ?? []).filter(({ digest }) => !there.manifests.has(digest)),
  ];
  if (missing.length > 0) throw new WherryError('invalid-argument', 'blob unknown to registry');
}
