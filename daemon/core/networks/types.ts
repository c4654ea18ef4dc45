import type { Egress } from '../egress/contract.ts';

/** What networks look like to the rest of the engine and to its doors. Immutable; addresses are text, `''` where there is none. */

export type NetworkDriver = 'bridge' | 'host' | 'null' | 'macvlan' | 'ipvlan' | 'cni';

/** One subnet of a network, as a client asked for it or as it was chosen. Undefined: not given. */
export interface IpamConfig {
  /** `172.18.0.0/16`. */
  readonly subnet: string | undefined;
  /** The part of the subnet that containers get their addresses from. */
  readonly ipRange: string | undefined;
  /** Without prefix. */
  readonly gateway: string | undefined;
  /** Name to address: addresses that are never given out. */
  readonly auxAddresses: Readonly<Record<string, string>>;
}

export interface NetworkView {
  readonly id: string;
  readonly name: string;
  readonly driver: NetworkDriver;
  /** RFC 3339 with nanoseconds. */
  readonly createdAt: string;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  /** In effect: chosen subnets and gateways filled in. Empty for `host` and `none`, and for `bridge` before the first reconcile. */
  readonly ipam: readonly IpamConfig[];
  readonly ipamOptions: Readonly<Record<string, string>> | undefined;
  /** Docker's names: `com.docker.network.bridge.name`, ... */
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Docker's configuration network: nobody can be in it. Its driver is `null`, its options and subnets are for others. */
  readonly configOnly?: boolean;
  /** The name of the configuration network that it was made of. */
  readonly configFrom?: string;
}

/** What a client wants of a container's place in one network: docker's EndpointSettings. */
export interface EndpointSettings {
  /** Undefined: one of the pool. */
  readonly ipv4Address: string | undefined;
  readonly ipv6Address: string | undefined;
  readonly linkLocalIps: readonly string[];
  readonly aliases: readonly string[];
  /** `container:alias`. */
  readonly links: readonly string[];
  /** Undefined: derived from the address. */
  readonly macAddress: string | undefined;
  readonly driverOptions: Readonly<Record<string, string>>;
  /** The highest gives the default gateway. */
  readonly gatewayPriority: number;
}

export const NO_SETTINGS: EndpointSettings = {
  ipv4Address: undefined,
  ipv6Address: undefined,
  linkLocalIps: [],
  aliases: [],
  links: [],
  macAddress: undefined,
  driverOptions: {},
  gatewayPriority: 0,
};

/** A container's place in one network while it runs. */
export interface Endpoint {
  readonly containerId: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly driver: NetworkDriver;
  readonly endpointId: string;
  /** `172.17.0.2`; '' without IPv4, and for `host` and `none`. */
  readonly ipAddress: string;
  readonly prefixLength: number;
  /** '' in an internal network. */
  readonly gateway: string;
  readonly ipv6Address: string;
  readonly ipv6PrefixLength: number;
  readonly ipv6Gateway: string;
  /** `02:42:ac:11:00:02`; '' for `host` and `none`. */
  readonly macAddress: string;
  /** The host's end of the veth pair: `veth` and 7 hex digits; '' where there is none. */
  readonly hostInterface: string;
  /** Inside: `eth0`. '' for `host` and `none`. */
  readonly interfaceName: string;
  /** Of `interfaceName` in the container's network namespace. */
  readonly interfaceIndex: number;
  /** What others in the network find it by, docker's DNSNames: name, aliases, short id, host name. Empty on the default bridge. */
  readonly dnsNames: readonly string[];
  readonly settings: EndpointSettings;
  /** What the network brings for resolv.conf: of `cni`. */
  readonly dns?: EndpointDns;
  /** Families that the network's own plugins gave a default route: of `cni`, where `gateway` alone does not mean one. */
  readonly defaultRoutes?: readonly (4 | 6)[];
}

export interface EndpointDns {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/**
 * The network namespace of a running container: `own` with any number of endpoints, `none` with the loopback alone, `host`, or
 * the one of another container (`container`), which then has the endpoints.
 */
export type Sandbox = OwnSandbox | JoinedSandbox;

export interface OwnSandbox {
  readonly kind: 'own' | 'none' | 'host';
  readonly containerId: string;
  /** `own`: eth0 first. `none` and `host`: the one of that network. */
  readonly endpoints: readonly Endpoint[];
  /** What it may begin connections to, in whatever network; undefined: anything. */
  readonly egress?: Egress;
}

export interface JoinedSandbox {
  readonly kind: 'container';
  readonly containerId: string;
  /** Whose namespace it is. */
  readonly joinedId: string;
  readonly endpoints: readonly [];
  readonly egress?: undefined;
}

/** Published ports, and the network whose CNI plugins lead to them. */
export interface PortsThrough {
  readonly networkId: string;
  readonly ports: readonly CarriedPort[];
}

export interface CarriedPort {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** `0.0.0.0`, `::`, or one address. */
  readonly hostIp: string;
  readonly hostPort: number;
}
