import { WherryError } from '../../common/errors.ts';
import type { Repository } from '../registry/contract.ts';
import type { RemoteRepository } from './jobs.ts';

/** TEMPORARY until image/registry/client.ts is there. */
export function openRemote(from: RemoteRepository): Pick<Repository, 'blob' | 'manifest' | 'tags'> {
  const path = from.name.slice(from.name.indexOf('/') + 1);
  const base = `${from.endpoints[0]?.url}/v2/${path}`;
  const accept = [
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v2+json',
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
  ].join(', ');
  return {
    async *blob(ctx, blob, offset) {
      const response = await fetch(`${base}/blobs/${blob.digest}`, {
        headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
        signal: ctx.signal,
      });
      if (!response.ok || response.body === null)
        throw new WherryError('unavailable', `blob: ${response.status}`);
      yield* response.body as unknown as AsyncIterable<Uint8Array>;
    },
    manifest: async (ctx, reference) => {
      const response = await fetch(`${base}/manifests/${reference}`, {
        headers: { accept },
        signal: ctx.signal,
      });
      if (!response.ok) throw new WherryError('not-found', `manifest for ${reference} not found`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const { sha256 } = await import('../digest.ts');
      return {
        descriptor: {
          mediaType: response.headers.get('content-type') ?? '',
          digest: sha256(bytes),
          size: bytes.length,
        },
        bytes,
      };
    },
    tags: async () => ((await (await fetch(`${base}/tags/list`)).json()) as { tags: string[] }).tags,
  };
}
