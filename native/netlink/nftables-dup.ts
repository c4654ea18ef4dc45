import { attribute, be32, HEADER_BYTES, nested, text, u32 } from './message.ts';

/** Expressions that mark a packet, and send a copy of it elsewhere (include/uapi/linux/netfilter/nf_tables.h). Pure. */
const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
/** Registers of sixteen bytes. */
const REGISTER = 1;
const OTHER_REGISTER = 2;
const META_MARK = 3;
const CT_STATE = 0;
/** NF_CT_STATE_BIT of IP_CT_NEW. */
const NEW = 0b1000;

const expression = (name: string, ...attributes: Buffer[]): Buffer =>
  nested(NFTA_LIST_ELEM, attribute(NFTA_EXPR_NAME, text(name)), nested(NFTA_EXPR_DATA, ...attributes));

const value = (bytes: Uint8Array): Buffer => attribute(NFTA_DATA_VALUE, bytes);

const immediate = (register: number, bytes: Uint8Array): Buffer =>
  expression('immediate', attribute(1, be32(register)), nested(2, value(bytes)));

const equals = (bytes: Uint8Array): Buffer =>
  expression('cmp', attribute(1, be32(REGISTER)), attribute(2, be32(0)), nested(3, value(bytes)));

/** `ct state new`. */
export const isNew = (): readonly Buffer[] => [
  expression('ct', attribute(2, be32(CT_STATE)), attribute(1, be32(REGISTER))),
  equals(u32(NEW)),
];

/** `meta mark set x`. */
export const setMark = (mark: number): readonly Buffer[] => [
  immediate(REGISTER, u32(mark)),
  expression('meta', attribute(2, be32(META_MARK)), attribute(3, be32(REGISTER))),
];

/** `meta mark x`. */
export const isMarked = (mark: number): readonly Buffer[] => [
  expression('meta', attribute(2, be32(META_MARK)), attribute(1, be32(REGISTER))),
  equals(u32(mark)),
];

/** `dup to x device y`: by way of a neighbour on a link, whatever the routes say. For the families `ip` and `ip6` only. */
export const sendCopy = (neighbour: Uint8Array, linkIndex: number): readonly Buffer[] => [
  immediate(REGISTER, neighbour),
  immediate(OTHER_REGISTER, u32(linkIndex)),
  expression('dup', attribute(1, be32(REGISTER)), attribute(2, be32(OTHER_REGISTER))),
];

const FAMILIES = { ip: 2, ip6: 10 } as const;

/** A message of nftables.ts for a table of another family than `inet`. */
export function inFamily(family: keyof typeof FAMILIES, message: Buffer): Buffer {
  const copy = Buffer.from(message);
  copy[HEADER_BYTES] = FAMILIES[family];
  return copy;
}
