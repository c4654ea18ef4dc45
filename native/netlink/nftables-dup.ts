import { attribute, be32, u32 } from './message.ts';
import { compare, expression, loadConnection, loadMeta, loadValue } from './nftables-parts.ts';

/** Expressions that mark a packet, and send a copy of it elsewhere (include/uapi/linux/netfilter/nf_tables.h). Pure. */
/** Registers of sixteen bytes. */
const REGISTER = 1;
const OTHER_REGISTER = 2;
const META_MARK = 3;
/** NF_CT_STATE_BIT of IP_CT_NEW. */
const NEW = 0b1000;

const equals = (bytes: Uint8Array): Buffer => compare(REGISTER, '==', bytes);

/** `ct state new`. */
export const isNew = (): readonly Buffer[] => [loadConnection('state', REGISTER), equals(u32(NEW))];

/** `meta mark set x`. */
export const setMark = (mark: number): readonly Buffer[] => [
  loadValue(u32(mark), REGISTER),
  expression('meta', attribute(2, be32(META_MARK)), attribute(3, be32(REGISTER))),
];

/** `meta mark x`. */
export const isMarked = (mark: number): readonly Buffer[] => [loadMeta('mark', REGISTER), equals(u32(mark))];

/** `dup to x device y`: by way of a neighbour on a link, whatever the routes say. For the families `ip` and `ip6` only. */
export const sendCopy = (neighbour: Uint8Array, linkIndex: number): readonly Buffer[] => [
  loadValue(neighbour, REGISTER),
  loadValue(u32(linkIndex), OTHER_REGISTER),
  expression('dup', attribute(1, be32(REGISTER)), attribute(2, be32(OTHER_REGISTER))),
];
