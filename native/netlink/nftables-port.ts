import { attribute, be32 } from './message.ts';
import { portBytes } from './nftables-maps.ts';
import { compare, expression, loadMeta, loadPayload, loadValue } from './nftables-parts.ts';

/**
 * Expressions that change one port of packets of one IPv4 address, in a table of family `ip`: `ip daddr 127.0.0.11 udp dport 53 dnat
 * to :35000`. Pure. (include/uapi/linux/netfilter/nf_tables.h)
 */
const REGISTER = 1;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;
/** Where the address lies in the IPv4 header, the port in that of TCP and UDP; NFT_NAT_SNAT, NFT_NAT_DNAT. */
const ENDS = {
  source: { address: 12, port: 0, nat: 0 },
  destination: { address: 16, port: 2, nat: 1 },
} as const;
const NFPROTO_IPV4 = 2;

export interface PortChange {
  readonly end: keyof typeof ENDS;
  readonly protocol: keyof typeof PROTOCOLS;
  /** Four bytes. */
  readonly address: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** The address stays as it is. */
export function changePort({ end, protocol, address, from, to }: PortChange): readonly Buffer[] {
  const { address: addressAt, port: portAt, nat } = ENDS[end];
  return [
    loadMeta('l4proto', REGISTER),
    equals(Buffer.of(PROTOCOLS[protocol])),
    loadPayload('network', { offset: addressAt, bytes: 4 }, REGISTER),
    equals(address),
    loadPayload('transport', { offset: portAt, bytes: 2 }, REGISTER),
    equals(portBytes(from)),
    loadValue(portBytes(to), REGISTER),
    expression(
      'nat',
      attribute(1, be32(nat)),
      attribute(2, be32(NFPROTO_IPV4)),
      attribute(5, be32(REGISTER)),
    ),
  ];
}

const equals = (value: Uint8Array): Buffer => compare(REGISTER, '==', value);
