import { attribute, be32, nested, text } from './message.ts';
import { portBytes } from './nftables-maps.ts';

/**
 * Expressions that change one port of packets of one IPv4 address, in a table of family `ip`: `ip daddr 127.0.0.11 udp dport 53 dnat
 * to :35000`. Pure. (include/uapi/linux/netfilter/nf_tables.h)
 */
const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const REGISTER = 1;
const META_L4PROTO = 16;
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
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
    expression('meta', attribute(2, be32(META_L4PROTO)), attribute(1, be32(REGISTER))),
    equals(Buffer.of(PROTOCOLS[protocol])),
    payload(NETWORK_HEADER, addressAt, 4),
    equals(address),
    payload(TRANSPORT_HEADER, portAt, 2),
    equals(portBytes(from)),
    expression(
      'immediate',
      attribute(1, be32(REGISTER)),
      nested(2, attribute(NFTA_DATA_VALUE, portBytes(to))),
    ),
    expression(
      'nat',
      attribute(1, be32(nat)),
      attribute(2, be32(NFPROTO_IPV4)),
      attribute(5, be32(REGISTER)),
    ),
  ];
}

const expression = (name: string, ...attributes: Buffer[]): Buffer =>
  nested(NFTA_LIST_ELEM, attribute(NFTA_EXPR_NAME, text(name)), nested(NFTA_EXPR_DATA, ...attributes));

const equals = (value: Uint8Array): Buffer =>
  expression(
    'cmp',
    attribute(1, be32(REGISTER)),
    attribute(2, be32(0)),
    nested(3, attribute(NFTA_DATA_VALUE, value)),
  );

const payload = (base: number, offset: number, bytes: number): Buffer =>
  expression(
    'payload',
    attribute(1, be32(REGISTER)),
    attribute(2, be32(base)),
    attribute(3, be32(offset)),
    attribute(4, be32(bytes)),
  );
