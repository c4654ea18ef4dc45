import type { Chain, Place } from '../../../../common/cni/contract.ts';
import type { Ctx } from '../../../../common/ctx.ts';
import type { CarriedPort, Endpoint } from '../types.ts';

/**
 * Networks whose devices and addresses are the work of CNI plugins: programs of others, started by definition (common/cni). What a chain of
 * them was told and answered is a row before anything else happens, so that whatever it made is taken away again, by this daemon or the next.
 */

/** A container's place in a CNI network: a row, from before the first plugin is called until the last one has taken all away. */
export interface Attachment extends Place {
  readonly networkId: string;
  readonly networkName: string;
  /** CNI_NETNS: the same for all calls, since plugins compare it. */
  readonly netns: string;
  /** DEL has begun: what is left of it is nobody's. */
  readonly leaving?: boolean;
}

/** What a result says of an endpoint. */
export type Given = Pick<
  Endpoint,
  | 'ipAddress'
  | 'prefixLength'
  | 'gateway'
  | 'ipv6Address'
  | 'ipv6PrefixLength'
  | 'ipv6Gateway'
  | 'macAddress'
  | 'dns'
  | 'defaultRoutes'
>;

export interface AttachRequest {
  readonly endpoint: Endpoint;
  /** Of the network. */
  readonly options: Readonly<Record<string, string>>;
  /** That lead to this network. */
  readonly ports: readonly CarriedPort[];
}

/** A network of this driver. */
export interface CniNetwork {
  readonly id: string;
  readonly options: Readonly<Record<string, string>>;
}

/** What a network's plugins said when they were asked last, by STATUS, whether they can take a container. */
export interface Readiness {
  /** RFC 3339 with nanoseconds. */
  readonly at: string;
  /** In a plugin's words; undefined: they can. */
  readonly error: string | undefined;
}

/** How a container's attachment is, by CHECK. */
export interface Checked {
  readonly containerId: string;
  readonly networkId: string;
  /** `disableCheck`, or a version without CHECK: nobody was asked. */
  readonly skipped: boolean;
  /** In a plugin's words. */
  readonly error: string | undefined;
}

export interface Cni {
  /**
   * Reads the list that a network's options name and asks every plugin for its versions. Throws `invalid-argument` that names the file and
   * what is wrong, `not-found` for a list or a plugin that is not there.
   */
  load(options: Readonly<Record<string, string>>): Promise<Chain>;
  /**
   * ADD: calls the chain for an endpoint that has no address yet, and returns it as it is then. The container has a held network namespace
   * (`hold`). What an earlier attachment of the container left is taken away first, and STATUS is asked. Throws in the plugin's words,
   * `plugin type="x" failed (add): ...`, after DEL.
   */
  attach(ctx: Ctx, request: AttachRequest): Promise<Endpoint>;
  /** DEL for a container that left one network and lives on. Throws in the plugin's words; then the attachment stays. */
  detach(ctx: Ctx, place: Pick<Attachment, 'containerId' | 'networkId'>): Promise<void>;
  /**
   * DEL for all that a container has, then lets go of its network namespace. Goes on in the background: what fails is logged, tried
   * again, and again at the next start. Resolves after the first try. Nothing for a container without any.
   */
  forget(ctx: Ctx, containerId: string): Promise<void>;
  /** Before a network goes: waits for DELs of it that are under way, and forgets how it was. */
  settled(networkId: string): Promise<void>;
  /** CHECK of every container in a network; of all networks without one. */
  check(ctx: Ctx, networkId?: string): Promise<Checked[]>;
  /** What leads from the host's ports to a container, by what its plugins answered; undefined without an attachment that is whole. */
  carrierOf(place: Pick<Attachment, 'containerId' | 'networkId'>): Carrier | undefined;
  /** STATUS of a network's plugins; undefined where they have no such verb. Throws for a list that can't be read. */
  status(network: CniNetwork): Promise<Readiness | undefined>;
  /** The last answer; undefined when nobody asked, or nobody can. */
  readinessOf(networkId: string): Readiness | undefined;
  /** Whose row is there. */
  attachmentsOf(containerId: string): readonly Attachment[];
  /** Makes a network namespace that the daemon holds until `forget`; its path, which a launch plan joins. */
  hold(containerId: string): Promise<string>;
  /** Holds the one that a process is in, unless the container's is held. */
  holdOf(containerId: string, pid: number): Promise<void>;
  /** What `hold` returned; undefined for a container that has none. */
  heldPath(containerId: string): string | undefined;
  /**
   * At daemon start: ends plugins of the daemon before and begins to take away what belongs to no live container's endpoint, with DEL for
   * what has a row, then GC for what has none.
   */
  reconcile(ctx: Ctx, present: Present): Promise<void>;
}

export interface Carrier {
  /** `portmap`. */
  readonly plugin: string;
  /** The host's device that its packets go out by; undefined where the plugins named none. */
  readonly link: string | undefined;
}

export interface Present {
  readonly live: readonly LiveContainer[];
  readonly networks: readonly CniNetwork[];
}

export interface LiveContainer {
  readonly containerId: string;
  /** CNI networks that it is in. */
  readonly networkIds: readonly string[];
  readonly pid: number;
}
