import { bytesOf, parseAddress } from '../networks/subnet.ts';
import type { Byte } from './registers.ts';

/** The first packet of a connection to a published port, as far as it is known where it meets a chain. Pure. */
export interface Packet {
  readonly family: 4 | 6;
  readonly protocol: number;
  /** Undefined: any of the host's addresses. */
  readonly destination: string | undefined;
  readonly port: number;
  /** Undefined: any link of the host but those of `notFrom`. */
  readonly incoming: string | undefined;
  readonly notFrom: readonly string[];
  readonly outgoing: string | undefined;
  /** Its destination was translated already. */
  readonly translated: boolean;
}

const unknown = (length: number): Byte[] => Array.from({ length }, () => undefined);
const u32 = (value: number): Byte[] => [
  value & 0xff,
  (value >> 8) & 0xff,
  (value >> 16) & 0xff,
  value >>> 24,
];

const IFNAME_BYTES = 16;
const nameBytes = (name: string | undefined): Byte[] =>
  name === undefined ? unknown(IFNAME_BYTES) : [...Buffer.alloc(IFNAME_BYTES).fill(name, 0, name.length)];

/** A key of the expression `meta`. */
export function metaOf(packet: Packet, key: number): Byte[] {
  switch (key) {
    case 1:
      return packet.family === 4 ? [0x08, 0x00] : [0x86, 0xdd];
    case 6:
      return nameBytes(packet.incoming);
    case 7:
      return nameBytes(packet.outgoing);
    case 15:
      return [packet.family === 4 ? 2 : 10];
    case 16:
      return [packet.protocol];
    default:
      return unknown(IFNAME_BYTES);
  }
}

const NEW = 0b1000;
const DNAT = 1 << 5;

/** A key of the expression `ct`. */
export function connectionOf({ translated }: Packet, key: number): Byte[] {
  switch (key) {
    case 0:
      return u32(NEW);
    case 1:
      return [0];
    case 2:
      return u32(translated ? DNAT : 0);
    default:
      return unknown(IFNAME_BYTES);
  }
}

const TCP = 6;
const TCP_FLAGS_AT = 13;
const SYN = 2;
const HEADER_BYTES = 64;

/** Of the network header (1) or the transport header (2). */
export function headerOf(packet: Packet, header: number): Byte[] {
  const bytes = unknown(HEADER_BYTES);
  const { family, protocol, destination, port } = packet;
  if (header === 1) {
    bytes[family === 4 ? 9 : 6] = protocol;
    const to = destination === undefined ? [] : bytesOf(parseAddress(destination));
    for (const [index, byte] of to.entries()) bytes[(family === 4 ? 16 : 24) + index] = byte;
  }
  if (header === 2) {
    bytes[2] = port >> 8;
    bytes[3] = port & 0xff;
    if (protocol === TCP) bytes[TCP_FLAGS_AT] = SYN;
  }
  return bytes;
}

const RTN_UNICAST = 1;
const RTN_LOCAL = 2;

/** `fib daddr type`. */
export const destinationType = ({ outgoing, translated }: Packet): Byte[] =>
  u32(outgoing === undefined && !translated ? RTN_LOCAL : RTN_UNICAST);
