import { openRemote } from '../../image/workers/fetch-remote.ts';
import type { TransferOptions } from '../../image/transfer/make.ts';
import type { Ctx } from '../../common/ctx.ts';
import type { Image } from '../../image/images.ts';
import type { ImageStore } from '../../image/store.ts';
import type { Progress, PullRequest } from '../../image/transfers.ts';
import type { RegistryClient } from '../../image/registry/contract.ts';

/** Registries without TLS. */
export function plainRegistries(): TransferOptions {
  const endpoints = (host: string) => [{ url: `http://${host}`, mirror: false }];
  return {
    hosts: { endpoints: async (host) => endpoints(host) },
    registry: {
      repository: (name: string, _access: string, credentials: undefined) =>
        openRemote({ name, endpoints: endpoints(name.slice(0, name.indexOf('/'))), credentials }),
    } as unknown as RegistryClient,
  };
}

export interface Pulled {
  readonly images: readonly Image[];
  readonly said: readonly Progress[];
}

/** Pulls, and keeps what was said. */
export async function pullFrom(
  { store, ctx }: { readonly store: Pick<ImageStore, 'transfers'>; readonly ctx: Ctx },
  reference: string,
  request: Partial<PullRequest> = {},
): Promise<Pulled> {
  const said: Progress[] = [];
  const whole = { reference, allTags: false, platform: undefined, credentials: undefined, ...request };
  const images = await store.transfers.pull(ctx, whole, (message) => said.push(message));
  return { images, said };
}

/** `id: status` of each message, in order, each run of the same once. */
export function words(said: readonly Progress[]): string[] {
  const texts = said.map(({ id, status }) => (id === undefined ? (status ?? '') : `${id}: ${status}`));
  return texts.filter((text, index) => text !== texts[index - 1]);
}
