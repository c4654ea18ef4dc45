import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { invalidArgument } from '../../../common/errors.ts';

/** Addresses and networks of both families. Pure arithmetic. */
export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

export interface Subnet {
  readonly family: Family;
  /** The first address. */
  readonly network: bigint;
  readonly prefixLength: number;
}

export const BITS = { 4: 32, 6: 128 } as const;

/** `10.0.0.1`, `fd00::1`. */
export const addressText = ({ family, value }: Address): string =>
  ipaddr.fromByteArray([...bytesOf({ family, value })]).toString();

/** Throws `invalid-argument` for what is no address. */
export function parseAddress(text: string): Address {
  const family = isIP(text);
  if ((family !== 4 && family !== 6) || text.includes('%')) {
    throw invalidArgument(`Cannot read "${text}" as an IP address`);
  }
  const value = ipaddr
    .parse(text)
    .toByteArray()
    .reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return { family, value };
}

/** Four or sixteen. */
export function bytesOf({ family, value }: Address): Uint8Array {
  const bytes = new Uint8Array(BITS[family] / 8);
  for (let at = bytes.length - 1, rest = value; at >= 0; at -= 1, rest >>= 8n)
    bytes[at] = Number(rest & 255n);
  return bytes;
}

export interface Cidr {
  readonly address: Address;
  readonly subnet: Subnet;
}

/** `172.17.0.1/16`: the address and its network. Throws `invalid-argument`. */
export function parseCidr(text: string): Cidr {
  const [head = '', tail = '', ...more] = text.split('/');
  const prefixLength = /^\d{1,3}$/.test(tail) && more.length === 0 ? Number(tail) : Number.NaN;
  if (isIP(head) === 0 || !(prefixLength <= BITS[isIP(head) as Family])) {
    throw invalidArgument(`Cannot read "${text}" as address/prefix`);
  }
  const address = parseAddress(head);
  return { address, subnet: subnetOf(address, prefixLength) };
}

export const sizeOf = ({ family, prefixLength }: Subnet): bigint => 1n << BigInt(BITS[family] - prefixLength);

export function subnetOf({ family, value }: Address, prefixLength: number): Subnet {
  const hostBits = BigInt(BITS[family] - prefixLength);
  return { family, network: (value >> hostBits) << hostBits, prefixLength };
}

export const subnetText = ({ family, network, prefixLength }: Subnet): string =>
  `${addressText({ family, value: network })}/${prefixLength}`;

export const cidrText = ({ address, subnet }: Cidr): string =>
  `${addressText(address)}/${subnet.prefixLength}`;

/** The address that many places behind the first. */
export const addressIn = ({ family, network }: Subnet, offset: bigint): Address => ({
  family,
  value: network + offset,
});

export const overlaps = (a: Subnet, b: Subnet): boolean =>
  a.family === b.family && a.network < b.network + sizeOf(b) && b.network < a.network + sizeOf(a);

export const contains = (subnet: Subnet, { family, value }: Address): boolean =>
  family === subnet.family && value >= subnet.network && value < subnet.network + sizeOf(subnet);

/** Whether the first holds all of the second. */
export const holds = (outer: Subnet, inner: Subnet): boolean =>
  outer.prefixLength <= inner.prefixLength && overlaps(outer, inner);
