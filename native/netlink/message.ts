import { endianness } from 'node:os';
import { internal } from '../../common/errors.ts';

/**
 * The frame of every netlink message: struct nlmsghdr, a family header, attributes (man 7 netlink; include/uapi/linux/netlink.h).
 * Pure. Integers are in host order, which is little-endian on every machine that we run on; nf_tables' own are big-endian.
 */
if (endianness() !== 'LE') throw internal('Netlink messages are written for little-endian machines only');

export const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x001;
export const NLM_F_ACK = 0x004;
/** In an answer: what was dumped changed meanwhile. */
export const NLM_F_DUMP_INTR = 0x010;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

const align4 = (bytes: number): number => (bytes + 3) & ~3;

/** A whole message with sequence number 0 and port 0 (the kernel fills in the sender's). NLM_F_REQUEST is added. */
export function message(type: number, flags: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + body.byteLength, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags | NLM_F_REQUEST, 6);
  return Buffer.concat([header, body]);
}

/** The same message with a sequence number, by which its reply is known, and with further flags. */
export function numbered(bytes: Uint8Array, sequence: number, flags: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16LE(copy.readUInt16LE(6) | flags, 6);
  copy.writeUInt32LE(sequence, 8);
  return copy;
}

/** struct nlattr with its value, padded to four bytes. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const length = ATTRIBUTE_HEADER_BYTES + value.byteLength;
  if (length > 0xffff) throw internal(`Netlink attribute ${type} has ${value.byteLength} bytes`);
  const bytes = Buffer.alloc(align4(length));
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

/** An attribute that holds attributes. */
export const nested = (type: number, ...parts: Uint8Array[]): Buffer =>
  attribute(type | NLA_F_NESTED, Buffer.concat(parts));

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Padded to four bytes by `attribute`. */
export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

/** Big-endian, as nf_tables has them. */
export function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** Big-endian, as packets have them. */
export const be16 = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff);

/** NUL-terminated. */
export const text = (value: string): Buffer => Buffer.from(`${value}\0`);

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows struct nlmsghdr. */
  readonly body: Buffer;
}

/** Takes apart what one recv brought. Throws `internal` for a message that does not fit. */
export function parseMessages(bytes: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.byteLength;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > bytes.byteLength) {
      throw internal(`Netlink message of ${length} bytes in ${bytes.byteLength - at}`);
    }
    messages.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      body: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/** Attributes by type, without their flag bits; of equal types the last one counts. */
export function parseAttributes(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = 0; at + ATTRIBUTE_HEADER_BYTES <= bytes.byteLength;) {
    const length = bytes.readUInt16LE(at);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.byteLength) {
      throw internal(`Netlink attribute of ${length} bytes in ${bytes.byteLength - at}`);
    }
    const type = bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK;
    attributes.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += align4(length);
  }
  return attributes;
}

/** The values of a list, whose attributes have one type. */
export function parseAttributeList(bytes: Buffer): Buffer[] {
  const values: Buffer[] = [];
  for (let at = 0; at + ATTRIBUTE_HEADER_BYTES <= bytes.byteLength;) {
    const length = bytes.readUInt16LE(at);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.byteLength)
      throw internal(`Netlink attribute of ${length} bytes in ${bytes.byteLength - at}`);
    values.push(bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += align4(length);
  }
  return values;
}

/** A NUL-terminated string attribute; `undefined` if it is missing. */
export const textOf = (value: Buffer | undefined): string | undefined =>
  value?.toString('utf8').replace(/\0.*$/s, '');
