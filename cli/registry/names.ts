import { invalidArgument } from '../../common/errors.ts';

/** Docker's name of its own registry in config.json and in credential helpers. */
export const HUB = 'https://index.docker.io/v1/';

/** An image's name as the command line has to know it; the daemon checks its grammar. */
export interface ImageName {
  /** As given, without tag and digest. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

export function parseName(text: string): ImageName {
  if (text === '') throw invalidArgument('invalid reference format');
  const at = text.indexOf('@');
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/');
  return {
    repository: tagged ? named.slice(0, colon) : named,
    tag: tagged ? named.slice(colon + 1) : undefined,
    digest: at === -1 ? undefined : text.slice(at + 1),
  };
}

/** The registry of a repository: `docker.io` unless its first part looks like a host. */
export function registryOf(repository: string): string {
  const slash = repository.indexOf('/');
  const first = slash === -1 ? '' : repository.slice(0, slash);
  const isHost = first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first;
  return isHost && first !== 'index.docker.io' ? first : 'docker.io';
}

/** `docker.io/library/busybox:latest`: what docker prints after a pull. */
export function completeName({ repository, tag, digest }: ImageName): string {
  const registry = registryOf(repository);
  const path = repository.startsWith(`${registry}/`) ? repository.slice(registry.length + 1) : repository;
  const official = registry === 'docker.io' && !path.includes('/') ? 'library/' : '';
  const suffix = digest === undefined ? `:${tag ?? 'latest'}` : `@${digest}`;
  return `${registry}/${official}${path}${suffix}`;
}

/** The key under which credentials of a registry are kept. */
export const serverKey = (registry: string): string =>
  registry === 'docker.io' || registry === 'index.docker.io' ? HUB : registry;

/** A registry as `login` takes it: without scheme and path. */
export const hostOf = (address: string): string => address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
