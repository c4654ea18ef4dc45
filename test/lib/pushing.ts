import type { TestContext } from 'node:test';
import type { Ctx } from '../../common/ctx.ts';
import { makeRegistryClient } from '../../image/registry/client.ts';
import type { Credentials } from '../../image/registry/contract.ts';
import { makeRegistryHosts, type HostsConfig } from '../../image/registry/hosts.ts';
import {
  dockerArchive,
  imageId,
  layer,
  ociArchive,
  type ImageParts,
  type Squeeze,
} from './image-archives.ts';
import { testStore, type TestStore } from './image-store.ts';

export const base = layer({ name: 'bin/' }, { name: 'bin/base', mode: 0o755, data: 'b'.repeat(50_000) });
export const app: ImageParts = { layers: [base, layer({ name: 'app', data: 'app' })] };
export const other: ImageParts = { layers: [base, layer({ name: 'other', data: 'o' })] };

/** A store that knows the registries of this machine. Tries again fast. */
export async function pushingStore(
  t: TestContext,
  config: Partial<HostsConfig> & { readonly attempts?: number } = {},
): Promise<TestStore> {
  const nothing = { mirrors: [], insecure: [], directory: '/nowhere', certificates: '/nowhere' };
  const hosts = makeRegistryHosts({ ...nothing, ...config });
  const { attempts = 5 } = config;
  const client = makeRegistryClient({ hosts, limits: { backoffMs: 5, attempts } });
  t.after(() => client.close());
  return testStore(t, undefined, { registry: client, hosts });
}

/** What was said, and the digest. */
export async function push(
  store: TestStore,
  reference: string,
  options: { readonly credentials?: Credentials; readonly ctx?: Ctx; readonly onBar?: () => void } = {},
): Promise<{ said: string[]; digest: string }> {
  const said: string[] = [];
  let digest = '';
  const request = { reference, allTags: false, platform: undefined, credentials: options.credentials };
  await store.transfers.push(options.ctx ?? store.ctx, request, ({ status, aux, progressDetail }) => {
    if (progressDetail?.total !== undefined) options.onBar?.();
    if (status !== undefined) said.push(status);
    if (aux !== undefined) digest = (aux as { Digest: string }).Digest;
  });
  return { said, digest };
}

/** Loads an image and names it; with or without a manifest. */
export async function load(
  store: TestStore,
  { image, name, how, kept }: { image: ImageParts; name: string; how: Squeeze; kept: boolean },
): Promise<void> {
  await store.loadBytes(kept ? ociArchive(image, { how }) : dockerArchive(image, how));
  await store.images.tag(store.ctx, imageId(image), name);
}
