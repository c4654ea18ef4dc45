import { isIPv6 } from 'node:net';
import { bytesOf, parseAddress } from '../../daemon/core/networks/subnet.ts';

/** Ethernet frames, as bytes. Pure. */
export interface Ends {
  readonly fromMac: string;
  readonly toMac: string;
  readonly from: string;
  readonly to: string;
}

const TYPES = { arp: 0x0806, ip: 0x0800, ip6: 0x86dd } as const;
export const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132, fragment: 44 } as const;

export const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');
const ip = (address: string): Buffer => Buffer.from(bytesOf(parseAddress(address)));
const be16 = (...values: readonly number[]): Buffer =>
  Buffer.concat(values.map((value) => Buffer.of(value >> 8, value & 0xff)));

/** RFC 1071. */
function checksum(bytes: Buffer): Buffer {
  const even = bytes.byteLength % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.of(0)]);
  let sum = 0;
  for (let at = 0; at < even.byteLength; at += 2) sum += even.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return be16(~sum & 0xffff);
}

const ether = ({ fromMac, toMac }: Ends, type: keyof typeof TYPES, body: Buffer): Buffer =>
  Buffer.concat([macBytes(toMac), macBytes(fromMac), be16(TYPES[type]), body]);

/** Who has `to`? `mark` stands behind what ARP reads. */
export const arpRequest = (ends: Ends, mark: Buffer): Buffer =>
  ether(
    ends,
    'arp',
    Buffer.concat([
      be16(1, TYPES.ip, 0x0604, 1),
      macBytes(ends.fromMac),
      ip(ends.from),
      Buffer.alloc(6),
      ip(ends.to),
      mark,
    ]),
  );

/** `protocol` with its own bytes, in IPv4 or IPv6 by the addresses; `offset` in units of 8 bytes. */
export function packet(
  ends: Ends,
  protocol: keyof typeof PROTOCOLS,
  { body, offset = 0 }: { readonly body: Buffer; readonly offset?: number },
): Buffer {
  const number = PROTOCOLS[protocol];
  if (!isIPv6(ends.from)) {
    const head = Buffer.concat([
      be16(0x4500, 20 + body.byteLength, 7, offset),
      Buffer.of(64, number, 0, 0),
      ip(ends.from),
      ip(ends.to),
    ]);
    checksum(head).copy(head, 10);
    return ether(ends, 'ip', Buffer.concat([head, body]));
  }
  const inner =
    offset === 0 ? body : Buffer.concat([Buffer.of(number, 0), be16(offset << 3), be16(0, 7), body]);
  const next = offset === 0 ? number : PROTOCOLS.fragment;
  const head = Buffer.concat([Buffer.of(0x60, 0, 0, 0), be16(inner.byteLength), Buffer.of(next, 255)]);
  return ether(ends, 'ip6', Buffer.concat([head, ip(ends.from), ip(ends.to), inner]));
}

/** With its checksum, over what RFC 8200, 8.1, and RFC 768 have it over. */
export function summed(
  ends: Ends,
  protocol: keyof typeof PROTOCOLS,
  { body, at }: { readonly body: Buffer; readonly at: number },
): Buffer {
  const pseudo = Buffer.concat([
    ip(ends.from),
    ip(ends.to),
    be16(0, body.byteLength, 0, PROTOCOLS[protocol]),
  ]);
  const sum = checksum(protocol === 'icmp' ? body : Buffer.concat([pseudo, body]));
  const copy = Buffer.from(body);
  sum.copy(copy, at);
  return copy;
}

export const udp = (ends: Ends, [from, to]: readonly [number, number], mark: Buffer): Buffer =>
  packet(ends, 'udp', {
    body: summed(ends, 'udp', { body: Buffer.concat([be16(from, to, 8 + mark.byteLength, 0), mark]), at: 6 }),
  });

/** Its checksum is none that a host would take: nobody on the way reads it. */
export const sctp = (ends: Ends, [from, to]: readonly [number, number], mark: Buffer): Buffer =>
  packet(ends, 'sctp', { body: Buffer.concat([be16(from, to, 0, 0, 0, 0), mark]) });

export const tcpAck = (ends: Ends, [from, to]: readonly [number, number], mark: Buffer): Buffer =>
  packet(ends, 'tcp', {
    body: summed(ends, 'tcp', {
      body: Buffer.concat([be16(from, to, 0, 1, 0, 1, 0x5010, 1_000, 0, 0), mark]),
      at: 16,
    }),
  });

export const icmp = (ends: Ends, [type, code]: readonly [number, number], rest: Buffer): Buffer => {
  const protocol = isIPv6(ends.from) ? 'icmp6' : 'icmp';
  const body = Buffer.concat([Buffer.of(type, code, 0, 0), rest]);
  return packet(ends, protocol, { body: summed(ends, protocol, { body, at: 2 }) });
};

/** An option of neighbour discovery that nobody knows: 8 bytes. */
export const markOption = (mark: Buffer): Buffer =>
  Buffer.concat([Buffer.of(200, 1), mark, Buffer.alloc(6)]).subarray(0, 8);
