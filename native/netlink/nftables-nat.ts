import { attribute, be32, text, u32 } from './message.ts';
import { compare, expression, loadConnection, loadMeta, loadPayload, mask } from './nftables-parts.ts';

/**
 * Expressions that translate the destination of a packet by a map (nftables-maps.ts). They use the registers of four bytes, one after
 * the other. Pure. (include/uapi/linux/netfilter/nf_tables.h)
 */
/** NFT_REG32_00: the first of four bytes. */
const FIRST = 8;

const DESTINATION_PORT = { offset: 2, bytes: 2 } as const;
/** IPS_DST_NAT of enum ip_conntrack_status. */
const IPS_DST_NAT = 1 << 5;
const FIB_RESULT_ADDRTYPE = 3;
const FIB_F_DADDR = 1 << 1;
const RTN_LOCAL = 2;
const NFT_NAT_DNAT = 1;

interface Family {
  readonly protocol: number;
  readonly destination: { readonly offset: number; readonly bytes: number };
}
const FAMILIES = {
  4: { protocol: 2, destination: { offset: 16, bytes: 4 } },
  6: { protocol: 10, destination: { offset: 24, bytes: 16 } },
} as const satisfies Record<number, Family>;

const equals = (value: Uint8Array): Buffer => compare(FIRST, '==', value);

/** `meta nfproto ipv4` or `ipv6`. */
const isFamily = (family: 4 | 6): readonly Buffer[] => [
  loadMeta('nfproto', FIRST),
  equals(Buffer.of(FAMILIES[family].protocol)),
];

/** `fib daddr type local`: one of the host's own addresses. */
const isForHost: readonly Buffer[] = [
  expression(
    'fib',
    attribute(1, be32(FIRST)),
    attribute(2, be32(FIB_RESULT_ADDRTYPE)),
    attribute(3, be32(FIB_F_DADDR)),
  ),
  equals(u32(RTN_LOCAL)),
];

/** How a map's key is made: by protocol and port, or with the address between them. */
export interface KeyShape {
  readonly family: 4 | 6;
  readonly address: boolean;
}

/** `fib daddr type local meta l4proto [. ip daddr] . th dport @name`: goes on where the map has such a key, with its value loaded. */
export const lookUp = (map: string, shape: KeyShape): readonly Buffer[] => [
  ...isForHost,
  ...lookUpAnywhere(map, shape),
];

/** The same for whatever address a packet is sent to. */
export function lookUpAnywhere(map: string, { family, address }: KeyShape): readonly Buffer[] {
  const { destination } = FAMILIES[family];
  const portAt = FIRST + 1 + (address ? destination.bytes / 4 : 0);
  return [
    ...isFamily(family),
    loadMeta('l4proto', FIRST),
    ...(address ? [loadPayload('network', destination, FIRST + 1)] : []),
    loadPayload('transport', DESTINATION_PORT, portAt),
    expression('lookup', attribute(1, text(map)), attribute(2, be32(FIRST)), attribute(3, be32(FIRST))),
  ];
}

/**
 * `fib daddr type local dnat ip to meta l4proto [. ip daddr] . th dport map @name`: to an address and a port. Nothing where the map
 * has no such key.
 */
export function translate(map: string, shape: KeyShape): readonly Buffer[] {
  const { protocol, destination } = FAMILIES[shape.family];
  return [
    ...lookUp(map, shape),
    expression(
      'nat',
      attribute(1, be32(NFT_NAT_DNAT)),
      attribute(2, be32(protocol)),
      attribute(3, be32(FIRST)),
      attribute(5, be32(FIRST + destination.bytes / 4)),
    ),
  ];
}

/** `ct status dnat`. */
export const isTranslated = (): readonly Buffer[] => [
  loadConnection('status', FIRST),
  mask(FIRST, u32(IPS_DST_NAT)),
  compare(FIRST, '!=', u32(0)),
];

/** `ip daddr 127.0.0.0/8`, `ip6 daddr ::1`. */
export function isForLoopback(family: 4 | 6): readonly Buffer[] {
  const { destination } = FAMILIES[family];
  const { offset } = destination;
  return family === 4
    ? [...isFamily(4), loadPayload('network', { offset, bytes: 1 }, FIRST), equals(Buffer.of(127))]
    : [
        ...isFamily(6),
        loadPayload('network', destination, FIRST),
        equals(Buffer.from([...Array<number>(15).fill(0), 1])),
      ];
}
