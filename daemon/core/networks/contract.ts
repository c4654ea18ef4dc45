import type { Ctx } from '../../../common/ctx.ts';
import type { Egress } from '../egress/contract.ts';
import type { NetworkSteps } from '../../../runtime/contract.ts';
import { CNI_DEFAULTS, type CniConfig } from '../../../common/cni/contract.ts';
import type { Carrier, Checked, Readiness } from './cni/contract.ts';
import type { StaleConnections } from './stale-connections.ts';
import type { Outside } from './outside.ts';
import type {
  Endpoint,
  EndpointSettings,
  IpamConfig,
  NetworkDriver,
  NetworkView,
  PortsThrough,
  Sandbox,
} from './types.ts';

/**
 * Docker's daemon.json keys for the default bridge: `bridge`, `bip`, `mtu`, `icc`, `iptables`, `ip-forward`, `ip-masq`, `dns`,
 * `dns-search`, `dns-opts`, `host-gateway-ip`; and `default-address-pools`.
 */
export interface NetworksConfig {
  /** At most 15 bytes. Daemons side by side have different ones. */
  readonly bridgeName: string;
  /** The bridge's address with its prefix, `172.17.0.1/16`; undefined: the first of the pools that the host does not use. */
  readonly bip: string | undefined;
  readonly mtu: number;
  /** Whether containers on the bridge reach one another. */
  readonly icc: boolean;
  /** False: no nftables rule is made; what reaches containers is the host's own affair. */
  readonly firewall: boolean;
  /** Whether published ports are subject to the host's own input policy. */
  readonly respectHost: boolean;
  /** Where the default bridge's ports are published that name no address; undefined: everywhere. */
  readonly publishIp: string | undefined;
  readonly ipForward: boolean;
  readonly ipMasq: boolean;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** What `--add-host name:host-gateway` stands for; undefined: the bridge's address. */
  readonly hostGatewayIp: string | undefined;
  /** Where subnets come from that nobody names; empty: docker's. */
  readonly addressPools: readonly AddressPoolConfig[];
  readonly cni: CniConfig;
}

export interface AddressPoolConfig {
  /** `172.80.0.0/16`, `fd12:3456:789a::/48`. */
  readonly base: string;
  /** Prefix length of each subnet that is cut from it. */
  readonly size: number;
}

export const NETWORK_DEFAULTS: NetworksConfig = {
  bridgeName: 'wherry0',
  bip: undefined,
  mtu: 1500,
  icc: true,
  firewall: true,
  respectHost: false,
  publishIp: undefined,
  ipForward: true,
  ipMasq: true,
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  hostGatewayIp: undefined,
  addressPools: [],
  cni: CNI_DEFAULTS,
};

/** `POST /networks/create`, defaults filled in. */
export interface NetworkRequest {
  readonly name: string;
  readonly driver: NetworkDriver;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ipam: readonly IpamConfig[];
  readonly ipamOptions: Readonly<Record<string, string>> | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Only settings under a name. */
  readonly configOnly?: boolean;
  /** The name of such a network, whose settings this one gets. */
  readonly configFrom?: string;
  /** The client said a scope. */
  readonly namesScope?: boolean;
}

/** What a container's network namespace shall be. */
export type ReserveRequest =
  | { readonly kind: 'container'; readonly joinedId: string }
  | {
      readonly kind: 'networks';
      /** By name or id, eth0 first; `none` and `host` only alone. */
      readonly networks: readonly {
        readonly network: string;
        readonly settings: EndpointSettings;
        /** Addresses that it had, and gets again if they are free; undefined or empty: none. */
        readonly before?: PlaceBefore | undefined;
      }[];
      readonly names: ContainerNames;
      /** Undefined: anything. */
      readonly egress: Egress | undefined;
    };

export interface PlaceBefore {
  readonly ipv4Address: string;
  readonly ipv6Address: string;
}

/** What a container is called, for DNS. */
export interface ContainerNames {
  readonly name: string;
  readonly hostname: string;
}

/** A name in the networks of a container, for its DNS server. */
export interface NamedAddress {
  readonly networkId: string;
  readonly containerId: string;
  readonly ipAddress: string;
  readonly ipv6Address: string;
}

/** What the three files depend on; see files.ts. */
export interface FilesRequest {
  readonly sandbox: Sandbox;
  readonly hostname: string;
  readonly domainname: string;
  /** `name:address` or `name:host-gateway`. */
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** Of `--link` on the default bridge: address and names. */
  readonly links: readonly { readonly address: string; readonly names: readonly string[] }[];
}

export interface NetworkFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

/** A network that has a bridge, for who publishes ports: kept current by the networks. */
export interface BridgeNetwork {
  readonly id: string;
  readonly name: string;
  readonly bridgeName: string;
  readonly bridgeIndex: number;
  readonly internal: boolean;
  readonly icc: boolean;
  /** Those of its subnets whose containers leave it under the host's address. */
  readonly masqueraded: readonly string[];
  readonly mtu: number;
  /** `172.18.0.0/16`, `fd..::/64`. */
  readonly subnets: readonly string[];
  readonly gateways: readonly string[];
  /** `com.docker.network.bridge.host_binding_ipv4`: where ports are published that name no address. */
  readonly hostBinding: string | undefined;
  readonly gatewayMode4: GatewayMode;
  readonly gatewayMode6: GatewayMode;
}

export const GATEWAY_MODES = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;
export type GatewayMode = (typeof GATEWAY_MODES)[number];

/** The networks of one daemon. */
export interface Networks {
  list(): readonly NetworkView[];
  /** By name, id or unique id prefix. Throws `not-found` `network x not found`. */
  get(reference: string): NetworkView;
  /**
   * Makes the kernel's side so: bridges, their addresses, firewall, forwarding. Then drops the sandboxes, veths, bridges and netns
   * links that belong to nobody, and puts the veths of live containers back on their bridges. Call it once at daemon start, before
   * any start; idempotent. Throws `internal` with the kernel's own error, `conflict` when a device of another kind has a bridge's
   * name.
   */
  reconcile(
    ctx: Ctx,
    liveContainerIds: ReadonlySet<string>,
    pidOf?: (containerId: string) => number | undefined,
  ): Promise<void>;
  /**
   * Makes a network: the row, then the kernel's side. Throws `already-exists` `network with name x already exists`,
   * `invalid-argument` and `conflict` with docker's texts.
   */
  create(ctx: Ctx, request: NetworkRequest): Promise<NetworkView>;
  /**
   * Takes it away; the kernel waits for the bridge's readers in the background. Throws `not-found`, `permission-denied` for a
   * predefined one and for one with endpoints.
   */
  remove(ctx: Ctx, reference: string): Promise<NetworkView>;
  /**
   * Takes addresses, and names for the veths that no dying namespace still holds: call it anew for each start. The row is written
   * before this resolves. A second reserve replaces the first. Throws `not-found` `network x not found`, `invalid-argument`,
   * `conflict` for an address that is taken, `unavailable` when a pool is used up.
   */
  reserve(ctx: Ctx, containerId: string, request: ReserveRequest): Promise<Sandbox>;
  /** What `reserve` would give now; nothing is taken, and no row written. Throws as it does. */
  preview(containerId: string, request: ReserveRequest): Sandbox;
  /**
   * Has the plugins of CNI networks do their work for a container that was reserved, in a network namespace that its launch joins; the
   * sandbox with what they gave. Nothing for one without such a network. Throws in the plugins' words; `release` takes all away.
   */
  furnish(ctx: Ctx, containerId: string, ports: PortsThrough | undefined): Promise<Sandbox>;
  /** CHECK of the containers in a network; none of a network that is not CNI's. Throws `not-found`. */
  checkMembers(ctx: Ctx, reference: string): Promise<readonly Checked[]>;
  /** What of a CNI network leads to a container's ports. */
  carrierOf(place: Pick<Endpoint, 'containerId' | 'networkId'>): Carrier | undefined;
  /** STATUS of the plugins of a network; undefined of one whose driver or plugins have none. Throws `not-found`. */
  askReadiness(reference: string): Promise<Readiness | undefined>;
  /** What it said last. */
  readinessOf(networkId: string): Readiness | undefined;
  /** What `reserve` made and nobody released, also by an earlier daemon. */
  sandboxOf(containerId: string): Sandbox | undefined;
  /** Of one network. */
  endpointsIn(networkId: string): readonly Endpoint[];
  /** Joins a running container to one more network. Throws as `reserve` does; `internal` when the kernel refuses. */
  connect(ctx: Ctx, containerId: string, request: ConnectRequest): Promise<Endpoint>;
  /** Takes a running container out of a network; undefined if it is not in it. Without a pid only the row goes. */
  disconnect(
    ctx: Ctx,
    containerId: string,
    from: { readonly networkId: string; readonly pid: number | undefined },
  ): Promise<Endpoint | undefined>;
  /** Throws what `reserve` would throw for such settings, as far as they depend on the network alone. */
  check(reference: string, settings: EndpointSettings): void;
  /** Throws `invalid-argument` where a container with an egress list can't be: as `reserve` and `connect`, but those that are there. */
  checkConfinable(references: readonly string[]): void;
  /** A container has another name now: DNSNames follow. */
  renamed(containerId: string, from: string, to: string): void;
  /** For LaunchRequest.network; undefined for `host` and `container`: then the plan has no unshare(CLONE_NEWNET). Pure. */
  steps(sandbox: Sandbox): NetworkSteps | undefined;
  /** Contents of /etc/hosts, /etc/hostname and /etc/resolv.conf. Throws `invalid-argument` for an extra host that can't be read. */
  files(ctx: Ctx, request: FilesRequest): Promise<NetworkFiles>;
  /** Gives the addresses back; nothing if there are none. The veths go away with the network namespace. */
  release(ctx: Ctx, containerId: string): Promise<void>;
  /** Makes `<execRoot>/netns/<id>` lead to the network namespace of `pid`; returns that path, docker's SandboxKey. */
  publishNetns(containerId: string, pid: number): Promise<string>;
  /** Before the pid may be used again: once the exit is known. Nothing if there is none. */
  unpublishNetns(containerId: string): Promise<void>;
  /** Where publishNetns puts it. */
  netnsPath(containerId: string): string;
  /** At the daemon's end: resolves when what is at work in the kernel is done; nothing may be asked for after it. */
  close(): Promise<void>;

  // ------------------------------------------------ for DNS (daemon/core/dns)
  /**
   * Who has this name (any case, no trailing dot) in the networks of the container: by its own links, then by name, alias, short
   * id or host name, in the order of its interfaces; several for a shared alias. Empty on the default bridge. A pure read.
   */
  lookUp(containerId: string, name: string): readonly NamedAddress[];
  /** The name to answer for an address of one of the container's networks: `web.front`; undefined if nobody has it. A pure read. */
  lookUpAddress(containerId: string, address: string): string | undefined;
  /** Whether 127.0.0.11 answers in it: some endpoint is in a user-defined network. */
  hasResolver(sandbox: Sandbox): boolean;
  /** Whom its DNS server asks for other names, by what the container's client chose and the host's resolv.conf of this moment. */
  outside(sandbox: Sandbox, chosen: Pick<FilesRequest, 'dns' | 'dnsSearch' | 'dnsOptions'>): Promise<Outside>;

  // ------------------------------------------------ for ports (daemon/core/ports)
  /** Networks with a bridge, by id. */
  bridgeOf(networkId: string): BridgeNetwork | undefined;
  bridges(): readonly BridgeNetwork[];
  /** Has the kernel forget connections; resolves when it has. What fails is logged. */
  forgetConnections(ctx: Ctx, stale: StaleConnections): Promise<void>;
  /** Puts the firewall's rules in place again, when somebody changed them. Synchronous. Throws `internal` with the kernel's error. */
  restoreRules(): void;
  /** Of the firewall's: those that have rules now, besides those that always have (ports/rules.ts). */
  chains(): readonly { readonly family: 'inet' | 'bridge'; readonly names: readonly string[] }[];
  /** Called, synchronously, after endpoints came or went, with the ids of the networks and the container. */
  watch(listener: NetworksListener): Disposable;
}

export interface NetworksChange {
  readonly containerId: string;
  readonly networkIds: readonly string[];
}
export type NetworksListener = (change: NetworksChange) => void;

export interface ConnectRequest {
  readonly network: string;
  readonly settings: EndpointSettings;
  readonly names: ContainerNames;
  /** Of the running container, by which its network namespace is found. */
  readonly pid: number;
  /** Publishes ports for a sandbox that begins to have a CNI network, whose plugins then lead to them. */
  readonly publish?: (sandbox: Sandbox) => Promise<PortsThrough | undefined>;
}
