import { makeRegistryClient, type ClosableClient } from '../image/registry/client.ts';
import { makeRegistryHosts } from '../image/registry/hosts.ts';
import type { TransferOptions } from '../image/transfer/make.ts';
import type { RegistriesConfig } from './config.ts';

/** How this daemon reaches registries; each request goes by the configuration of its moment. */
export function openRegistries(
  now: () => RegistriesConfig,
): TransferOptions & { readonly registry: ClosableClient } {
  let made: { readonly config: RegistriesConfig; readonly hosts: TransferOptions['hosts'] } | undefined;
  const current = (): TransferOptions['hosts'] => {
    const config = now();
    if (made?.config !== config) made = { config, hosts: makeRegistryHosts(config) };
    return made.hosts;
  };
  const hosts = { endpoints: (host: string) => current().endpoints(host) };
  const limits = {
    get attempts() {
      return now().attempts;
    },
  };
  return {
    hosts,
    registry: makeRegistryClient({ hosts, limits }),
    maxDownloads: () => now().maxDownloads,
    get maxUploads() {
      return now().maxUploads;
    },
    get attempts() {
      return now().attempts;
    },
  };
}
