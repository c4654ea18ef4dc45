import { attribute, be32, nested, text, u32 } from './message.ts';

/**
 * Expressions that translate the destination of a packet by a map (nftables-maps.ts). They use the registers of four bytes, one after
 * the other. Pure. (include/uapi/linux/netfilter/nf_tables.h)
 */
const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
/** NFT_REG32_00: the first of four bytes. */
const FIRST = 8;

const META_L4PROTO = 16;
const META_NFPROTO = 15;
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const DESTINATION_PORT = { offset: 2, bytes: 2 } as const;
const CT_STATUS = 2;
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

const expression = (name: string, ...attributes: Buffer[]): Buffer =>
  nested(NFTA_LIST_ELEM, attribute(NFTA_EXPR_NAME, text(name)), nested(NFTA_EXPR_DATA, ...attributes));

const meta = (key: number, register: number): Buffer =>
  expression('meta', attribute(2, be32(key)), attribute(1, be32(register)));

const equals = (value: Uint8Array): Buffer =>
  expression(
    'cmp',
    attribute(1, be32(FIRST)),
    attribute(2, be32(0)),
    nested(3, attribute(NFTA_DATA_VALUE, value)),
  );

const payload = (base: number, at: { offset: number; bytes: number }, register: number): Buffer =>
  expression(
    'payload',
    attribute(1, be32(register)),
    attribute(2, be32(base)),
    attribute(3, be32(at.offset)),
    attribute(4, be32(at.bytes)),
  );

/** `meta nfproto ipv4` or `ipv6`. */
const isFamily = (family: 4 | 6): readonly Buffer[] => [
  meta(META_NFPROTO, FIRST),
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
    meta(META_L4PROTO, FIRST),
    ...(address ? [payload(NETWORK_HEADER, destination, FIRST + 1)] : []),
    payload(TRANSPORT_HEADER, DESTINATION_PORT, portAt),
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
  expression('ct', attribute(2, be32(CT_STATUS)), attribute(1, be32(FIRST))),
  expression(
    'bitwise',
    attribute(1, be32(FIRST)),
    attribute(2, be32(FIRST)),
    attribute(3, be32(4)),
    nested(4, attribute(NFTA_DATA_VALUE, u32(IPS_DST_NAT))),
    nested(5, attribute(NFTA_DATA_VALUE, u32(0))),
  ),
  expression(
    'cmp',
    attribute(1, be32(FIRST)),
    attribute(2, be32(1)),
    nested(3, attribute(NFTA_DATA_VALUE, u32(0))),
  ),
];

/** `ip daddr 127.0.0.0/8`, `ip6 daddr ::1`. */
export function isForLoopback(family: 4 | 6): readonly Buffer[] {
  const { destination } = FAMILIES[family];
  const { offset } = destination;
  return family === 4
    ? [...isFamily(4), payload(NETWORK_HEADER, { offset, bytes: 1 }, FIRST), equals(Buffer.of(127))]
    : [
        ...isFamily(6),
        payload(NETWORK_HEADER, destination, FIRST),
        equals(Buffer.from([...Array<number>(15).fill(0), 1])),
      ];
}
