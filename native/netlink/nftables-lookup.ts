import { attribute, be16, be32, text, u32 } from './message.ts';
import { compare, expression, loadConnection, loadMeta, loadPayload, mask } from './nftables-parts.ts';

/**
 * Expressions that look parts of a packet up in a set (nftables-sets.ts), or compare them. A key is put together in the registers of
 * four bytes. Pure. (include/uapi/linux/netfilter/nf_tables.h)
 */
/** NFT_REG32_00: the first of four bytes. */
const FIRST = 8;
const NFT_LOOKUP_F_INV = 1;
const NFT_DYNSET_OP_UPDATE = 1;
const REPLY = 1;

/** What a key is made of, by the bytes that each takes. */
const PARTS = {
  iifname: { bytes: 16, load: (at: number) => loadMeta('iifname', at) },
  oifname: { bytes: 16, load: (at: number) => loadMeta('oifname', at) },
  protocol: { bytes: 1, load: (at: number) => loadMeta('l4proto', at) },
  etherSource: payload('link', 6, 6),
  source4: payload('network', 12, 4),
  destination4: payload('network', 16, 4),
  source6: payload('network', 8, 16),
  destination6: payload('network', 24, 16),
  /** Of an ARP packet of IPv4: who says that it has the address. */
  arpEther: payload('network', 8, 6),
  arpSource: payload('network', 14, 4),
  /** Whom a neighbour advertisement speaks of. */
  neighbour: payload('transport', 8, 16),
  sourcePort: payload('transport', 0, 2),
  port: payload('transport', 2, 2),
  icmpType: payload('transport', 0, 1),
} as const;

export type Part = keyof typeof PARTS;

function payload(header: 'link' | 'network' | 'transport', offset: number, bytes: number) {
  return { bytes, load: (at: number): Buffer => loadPayload(header, { offset, bytes }, at) };
}

/** Loads a key; where a packet has not all of it, the rule ends. */
function loadKey(parts: readonly Part[]): Buffer[] {
  let register = FIRST;
  return parts.map((part) => {
    const { bytes, load } = PARTS[part];
    const loaded = load(register);
    register += Math.ceil(bytes / 4);
    return loaded;
  });
}

const look = (set: string, ...more: Buffer[]): Buffer =>
  expression('lookup', attribute(1, text(set)), attribute(2, be32(FIRST)), ...more);

/** `iifname . ip saddr @set`. */
export const isIn = (set: string, ...parts: readonly Part[]): readonly Buffer[] => [
  ...loadKey(parts),
  look(set),
];

/** `iifname . ip saddr != @set`. */
export const isNotIn = (set: string, ...parts: readonly Part[]): readonly Buffer[] => [
  ...loadKey(parts),
  look(set, attribute(5, be32(NFT_LOOKUP_F_INV))),
];

/** `update @set { key }`: puts the key there for another while. */
export const learn = (set: string, ...parts: readonly Part[]): readonly Buffer[] => [
  ...loadKey(parts),
  expression(
    'dynset',
    attribute(1, text(set)),
    attribute(3, be32(NFT_DYNSET_OP_UPDATE)),
    attribute(4, be32(FIRST)),
  ),
];

const equals = (value: Uint8Array): Buffer => compare(FIRST, '==', value);

/** `meta l4proto 6`, `icmp type 8`, `ip6 saddr ::`. */
export const partIs = (part: Part, value: Uint8Array): readonly Buffer[] => [
  ...loadKey([part]),
  equals(value),
];

const FAMILIES = { 4: 2, 6: 10 } as const;

/** `meta nfproto ipv4`: in a table of the family inet. */
export const isOfFamily = (family: 4 | 6): readonly Buffer[] => [
  loadMeta('nfproto', FIRST),
  equals(Buffer.of(FAMILIES[family])),
];

const ETHER_TYPES = { arp: 0x0806, ip: 0x0800, ip6: 0x86dd } as const;

/** `meta protocol arp`: in a table of the family bridge. */
export const isEther = (type: keyof typeof ETHER_TYPES): readonly Buffer[] => [
  loadMeta('protocol', FIRST),
  equals(be16(ETHER_TYPES[type])),
];

/** `ct direction reply`. Not so for what the kernel does not track. */
export const isReply = (): readonly Buffer[] => [
  loadConnection('direction', FIRST),
  equals(Buffer.of(REPLY)),
];

/** NF_CT_STATE_BIT of IP_CT_RELATED. */
const RELATED = 0b100;

/** `ct state related`. */
export const isRelated = (): readonly Buffer[] => [
  loadConnection('state', FIRST),
  mask(FIRST, u32(RELATED)),
  compare(FIRST, '!=', u32(0)),
];

const SYN = 0x02;
const ACK = 0x10;

/** `tcp flags & (syn | ack) != syn`: of what begins no connection. */
export const isNoBeginning = (): readonly Buffer[] => [
  loadPayload('transport', { offset: 13, bytes: 1 }, FIRST),
  mask(FIRST, Buffer.of(SYN | ACK)),
  compare(FIRST, '!=', Buffer.of(SYN)),
];

const IPV6_FRAGMENT = 44;

/** A fragment that is not the first, which alone has ports: `ip frag-off & 0x1fff != 0`, `frag frag-off != 0`. */
export const isLaterFragment = (family: 4 | 6): readonly Buffer[] => [
  family === 4
    ? loadPayload('network', { offset: 6, bytes: 2 }, FIRST)
    : expression(
        'exthdr',
        attribute(1, be32(FIRST)),
        attribute(2, Buffer.of(IPV6_FRAGMENT)),
        attribute(3, be32(2)),
        attribute(4, be32(2)),
      ),
  mask(FIRST, be16(family === 4 ? 0x1fff : 0xfff8)),
  compare(FIRST, '!=', be16(0)),
];
