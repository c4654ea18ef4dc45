import { makeRegistryClient } from '../registry/client.ts';
import type { Repository } from '../registry/contract.ts';
import { knownHosts } from '../registry/hosts.ts';
import type { RemoteRepository } from './jobs.ts';

/** A repository, from a thread of its own; its connections end when disposed. */
export function openRemote({ name, endpoints, credentials, attempts }: RemoteRepository): {
  readonly repository: Repository;
} & Disposable {
  const client = makeRegistryClient({
    hosts: knownHosts(endpoints),
    ...(attempts === undefined ? {} : { limits: { attempts } }),
  });
  return {
    repository: client.repository(name, 'pull', credentials),
    [Symbol.dispose]: () => client.close(),
  };
}
