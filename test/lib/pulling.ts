import type { TransferOptions } from '../../image/transfer/make.ts';
import type { Ctx } from '../../common/ctx.ts';
import type { Image } from '../../image/images.ts';
import type { ImageStore } from '../../image/store.ts';
import type { Progress, PullRequest } from '../../image/transfers.ts';
import { makeRegistryClient } from '../../image/registry/client.ts';
import { makeRegistryHosts } from '../../image/registry/hosts.ts';

/** As the daemon reaches registries without any configuration: those on this machine need no TLS. */
export function plainRegistries(): TransferOptions {
  const hosts = makeRegistryHosts({ mirrors: [], insecure: [], directory: '/none', certificates: '/none' });
  return { hosts, registry: makeRegistryClient({ hosts }) };
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
