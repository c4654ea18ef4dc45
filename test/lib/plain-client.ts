import { buffer } from 'node:stream/consumers';
import { WherryError } from '../../common/errors.ts';
import type { RegistryClient, Repository } from '../../image/registry/contract.ts';

/** The least that a push asks of a registry, by plain HTTP and without a second try: so that its tests tell of the push alone. */
export const plainClient = (): RegistryClient => ({
  repository: (name) => repository(name),
  login: () => Promise.reject(new Error('not asked for')),
  search: () => Promise.reject(new Error('not asked for')),
});

function repository(name: string): Repository {
  const [host = ''] = name.split('/', 1);
  const path = name.slice(host.length + 1);
  const base = `http://${host}/v2/${path}`;
  const unused = (): never => {
    throw new Error('not asked for');
  };
  return {
    manifest: unused,
    manifestDescriptor: unused,
    blob: unused,
    tags: unused,
    referrers: unused,
    hasBlob: async (ctx, digest) => {
      const { status } = await fetch(`${base}/blobs/${digest}`, { method: 'HEAD', signal: ctx.signal });
      return status === 200;
    },
    mountBlob: async (ctx, digest, from) => {
      const query = new URLSearchParams({ mount: digest, from }).toString();
      const { status } = await fetch(`${base}/blobs/uploads/?${query}`, {
        method: 'POST',
        signal: ctx.signal,
      });
      return status === 201;
    },
    uploadBlob: async (...upload) => {
      const [ctx, blob, open, onBytes] = upload;
      const begun = await ok(await fetch(`${base}/blobs/uploads/`, { method: 'POST', signal: ctx.signal }));
      const url = new URL(begun.headers.get('location') ?? '', base);
      url.searchParams.set('digest', blob.digest);
      const body = await buffer(open(0));
      await ok(await fetch(url, { method: 'PUT', body, signal: ctx.signal }));
      onBytes(body.byteLength);
    },
    putManifest: async (ctx, reference, { descriptor, bytes }) => {
      const headers = { 'content-type': descriptor.mediaType };
      const body = Buffer.from(bytes);
      await ok(
        await fetch(`${base}/manifests/${reference}`, { method: 'PUT', headers, body, signal: ctx.signal }),
      );
    },
  };
}

async function ok(response: Response): Promise<Response> {
  if (response.ok) return response;
  throw new WherryError('unavailable', `${response.url}: ${response.status} ${await response.text()}`);
}
