/**
 * What a container may begin connections to: everything else that it sends is dropped at its port of the bridge or where it enters
 * the host, by IPv4 and IPv6. It answers whoever reaches it.
 */
export interface Egress {
  readonly rules: readonly EgressRule[];
  /** Whether the DNS server at 127.0.0.11 asks others on its behalf; the names of its own networks it always knows. */
  readonly dns: boolean;
}

export interface EgressRule {
  /** `10.0.0.0/8`, `fd00::/64`. */
  readonly network: string;
  readonly protocol: EgressProtocol;
  /** 0 to 65535 unless ports are named. */
  readonly first: number;
  readonly last: number;
}

export const EGRESS_PROTOCOLS = ['tcp', 'udp', 'sctp', 'icmp'] as const;
export type EgressProtocol = (typeof EGRESS_PROTOCOLS)[number] | 'any';

/** By which any client sets it; `--egress` of our own. */
export const EGRESS_LABEL = 'wherry.egress';
