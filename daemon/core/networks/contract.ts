import type { Ctx } from '../../../common/ctx.ts';
import type { NetworkSteps } from '../../../runtime/contract.ts';
import type { NetworkList } from '../contract.ts';

/**
 * Docker's daemon.json keys for the default bridge: `bridge`, `bip`, `mtu`, `icc`, `iptables`, `ip-forward`, `ip-masq`, `dns`,
 * `dns-search`, `dns-opts`, `host-gateway-ip`.
 */
export interface NetworksConfig {
  /** At most 15 bytes. Daemons side by side have different ones. */
  readonly bridgeName: string;
  /** The bridge's address with its prefix, `172.17.0.1/16`; undefined: the first of docker's pools that the host does not use. */
  readonly bip: string | undefined;
  readonly mtu: number;
  /** Whether containers on the bridge reach one another. */
  readonly icc: boolean;
  /** False: no nftables rule is made; what reaches containers is the host's own affair. */
  readonly firewall: boolean;
  readonly ipForward: boolean;
  readonly ipMasq: boolean;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** What `--add-host name:host-gateway` stands for; undefined: the bridge's address. */
  readonly hostGatewayIp: string | undefined;
}

export const NETWORK_DEFAULTS: NetworksConfig = {
  bridgeName: 'wherry0',
  bip: undefined,
  mtu: 1500,
  icc: true,
  firewall: true,
  ipForward: true,
  ipMasq: true,
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  hostGatewayIp: undefined,
};

/** A container's place in a network, from `reserve` to `release`. */
export type Endpoint = BridgeEndpoint | IsolatedEndpoint | HostEndpoint;

export interface BridgeEndpoint {
  readonly kind: 'bridge';
  readonly containerId: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly endpointId: string;
  readonly ipAddress: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly macAddress: string;
  /** The host's end of the veth pair: `veth` and 7 hex digits. */
  readonly hostInterface: string;
}

/** `--network none`: a network namespace with nothing but its loopback. */
export interface IsolatedEndpoint {
  readonly kind: 'none';
  readonly containerId: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly endpointId: string;
}

/** `--network host`: no network namespace of its own. */
export interface HostEndpoint {
  readonly kind: 'host';
  readonly containerId: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly endpointId: string;
}

export interface ReserveRequest {
  /** `default`, `bridge`, `none`, `host`. */
  readonly networkMode: string;
  /** Undefined: derived from the address, `02:42:ac:11:00:02`. */
  readonly macAddress: string | undefined;
}

/** What the three files depend on; see files.ts. */
export interface FilesRequest {
  readonly endpoint: Endpoint;
  readonly hostname: string;
  readonly domainname: string;
  /** `name:address` or `name:host-gateway`. */
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
}

export interface NetworkFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

/** The networks of one daemon: the default bridge, `none` and `host`. */
export interface Networks extends NetworkList {
  /**
   * Makes the kernel's side so: bridge, its address, firewall, forwarding. Then drops the endpoints, veths and netns links that
   * belong to none of these containers, and puts the veths of live ones back on the bridge. Call it once at daemon start, before
   * any start; idempotent. Throws `internal` with the kernel's own error, `conflict` when a device of another kind has the
   * bridge's name.
   */
  reconcile(ctx: Ctx, liveContainerIds: ReadonlySet<string>): Promise<void>;
  /**
   * Takes an address, and a name for the veth that no dying namespace still holds: call it anew for each start. The row is
   * written before this resolves. A container has one endpoint: a second reserve replaces the first. Throws `not-found`
   * `network x not found`, `invalid-argument` for a MAC that can't be read, `unavailable` when the pool is used up.
   */
  reserve(ctx: Ctx, containerId: string, request: ReserveRequest): Promise<Endpoint>;
  /** The endpoint that `reserve` made and nobody released, also by an earlier daemon. */
  endpointOf(containerId: string): Endpoint | undefined;
  /** For LaunchRequest.network; undefined for `host`: then the plan has no unshare(CLONE_NEWNET) and the spec no network namespace. Pure. */
  steps(endpoint: Endpoint): NetworkSteps | undefined;
  /** Contents of /etc/hosts, /etc/hostname and /etc/resolv.conf. Throws `invalid-argument` for an extra host that can't be read. */
  files(ctx: Ctx, request: FilesRequest): Promise<NetworkFiles>;
  /** Gives the address back; nothing if there is none. The veth goes away with the network namespace. */
  release(ctx: Ctx, containerId: string): Promise<void>;
  /** Makes `<execRoot>/netns/<id>` lead to the network namespace of `pid`; returns that path, docker's SandboxKey. */
  publishNetns(containerId: string, pid: number): Promise<string>;
  /** Before the pid may be used again: once the exit is known. Nothing if there is none. */
  unpublishNetns(containerId: string): Promise<void>;
  /** Where publishNetns puts it. */
  netnsPath(containerId: string): string;
}
