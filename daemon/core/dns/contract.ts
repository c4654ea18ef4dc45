import type { Outside } from '../networks/outside.ts';
import type { Endpoint } from '../networks/types.ts';

/**
 * The DNS server at 127.0.0.11 of every container that is in a user-defined network. Its sockets are held by the container's shim
 * (networks/resolver.ts); the daemon answers for all of them from its event loop, and what is asked while there is no daemon waits.
 */
export interface Resolvers {
  /**
   * Answers in a running container from now on. Nothing if it does so already, or if no network of the container's gives it names.
   * Also for one that joined its first user-defined network while it ran: then the sockets are made first. Never throws: a container
   * without names is logged.
   */
  serve(container: ServedContainer): Promise<void>;
  /** The container has ended; nothing if it was not served. Its sockets went with its shim. */
  release(containerId: string): void;
  /** Lets go of all; questions wait in the kernel for the next daemon. */
  close(): void;
}

export interface ServedContainer {
  readonly id: string;
  /** Of its first process. */
  readonly pid: number;
}

/** What the server of one container knows. Pure reads. */
export interface Names {
  /** Addresses of a name, any case, without its last dot; undefined: it is nobody's here. */
  addressesOf(name: string): readonly Pick<Endpoint, 'ipAddress' | 'ipv6Address'>[] | undefined;
  /** `web.front` */
  nameOf(address: string): string | undefined;
  /** Who is asked for what is nobody's here. */
  outside(): Promise<Outside>;
}

export type Transport = 'udp' | 'tcp';
