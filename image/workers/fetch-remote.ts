import { isDeepStrictEqual } from 'node:util';
import { makeRegistryClient } from '../registry/client.ts';
import type { Repository } from '../registry/contract.ts';
import { knownHosts } from '../registry/hosts.ts';
import type { RemoteRepository } from './jobs.ts';

/**
 * The repository that a thread fetches from. The last one stays open: the next layer is mostly from there, and its connection, its
 * token and the authorities of TLS are what a new one would have to get first. The thread's end closes it.
 */
export class Remote {
  #open: { readonly from: RemoteRepository; readonly repository: Repository; close(): void } | undefined;

  repository(from: RemoteRepository): Repository {
    if (this.#open !== undefined && isDeepStrictEqual(this.#open.from, from)) return this.#open.repository;
    this.#open?.close();
    const { name, endpoints, credentials, attempts } = from;
    const client = makeRegistryClient({
      hosts: knownHosts(endpoints),
      ...(attempts === undefined ? {} : { limits: { attempts } }),
    });
    const repository = client.repository(name, 'pull', credentials);
    this.#open = { from, repository, close: () => client.close() };
    return repository;
  }
}
