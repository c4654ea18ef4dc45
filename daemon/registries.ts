import { makeRegistryClient, type ClosableClient } from '../image/registry/client.ts';
import { makeRegistryHosts } from '../image/registry/hosts.ts';
import type { TransferOptions } from '../image/transfer/make.ts';
import type { RegistriesConfig } from './config.ts';

/** How this daemon reaches registries. */
export function openRegistries(
  config: RegistriesConfig,
): TransferOptions & { readonly registry: ClosableClient } {
  const { maxDownloads, maxUploads, attempts } = config;
  const hosts = makeRegistryHosts(config);
  const registry = makeRegistryClient({ hosts, limits: { attempts } });
  return { hosts, registry, maxDownloads, maxUploads, attempts };
}
