import type { Ctx } from '../../../common/ctx.ts';
import type { PortsThrough, Sandbox } from '../networks/types.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';
export const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

/** One port of a container that is to be reached from outside: docker's PortBinding. */
export interface PortBinding {
  readonly containerPort: number;
  readonly protocol: Protocol;
  /** '': every address of the host, or the network's own default (`host_binding_ipv4`). */
  readonly hostIp: string;
  /** Any one of them; undefined: one that is free. */
  readonly hostPorts: { readonly first: number; readonly last: number } | undefined;
}

/** What a running container is reached by. */
export interface PublishedPort {
  readonly containerPort: number;
  readonly protocol: Protocol;
  /** `0.0.0.0`, `::`, or one address. */
  readonly hostIp: string;
  /** ROUTED in a network of the gateway mode `routed`: it is reached by the container's own address and port. */
  readonly hostPort: number;
}

export const ROUTED = 0;

export interface PublishedTarget {
  readonly networkId: string;
  /** '' where it has none of the family. */
  readonly ipAddress: string;
  readonly ipv6Address: string;
}

/**
 * Ports of containers that are published on the host. All translation is the kernel's, by maps in the networks' nftables table:
 * no process, and no rule, per port. A host port is held by a bound socket of the daemon, so that no other program gets it.
 */
export interface Ports {
  /**
   * Chooses host ports and holds them, writes the row, and puts the translations in place, in one transaction unless they are more than 2,000. Nothing for a
   * sandbox without a bridge that leads outside. In front of a CNI network ports are only chosen and held: its plugins are told of them.
   Throws docker's texts: `Bind for 0.0.0.0:80 failed: port is already allocated`,
   * `failed to bind host port 0.0.0.0:80/tcp: address already in use`; then nothing is left.
   */
  publish(ctx: Ctx, sandbox: Sandbox, bindings: readonly PortBinding[]): Promise<void>;
  /**
   * The same for a container that runs: what fits the bindings stays as it is, connections too; the rest goes, and what is missing
   * is published. Throws as `publish` does; then nothing has changed. Idempotent.
   */
  change(ctx: Ctx, sandbox: Sandbox, bindings: readonly PortBinding[]): Promise<void>;
  /** What `publish` would give now; nothing stays held. Throws as it does. */
  preview(sandbox: Sandbox, bindings: readonly PortBinding[]): readonly PublishedPort[];
  /** Takes translations, sockets and row away; nothing if there are none. Connections that go on through them are forgotten by the kernel. */
  withdraw(ctx: Ctx, containerId: string): Promise<void>;
  /** Ports of a container that the plugins of a CNI network translate, and which network that is. */
  through(containerId: string): PortsThrough | undefined;
  /** By which of its networks it is reached, and at which addresses; undefined: nothing is published. */
  target(containerId: string): PublishedTarget | undefined;
  /** In the order of the bindings. */
  of(containerId: string): readonly PublishedPort[];
  /** At daemon start, after the networks: puts the rules and the translations of those who live in place, drops the rest. Idempotent. */
  reconcile(ctx: Ctx, sandboxes: readonly Sandbox[]): Promise<void>;
  /** Lets go of the sockets; the kernel goes on translating. */
  close(): void;
}
