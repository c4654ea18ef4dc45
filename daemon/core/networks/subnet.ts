import { isIPv4 } from 'node:net';
import { invalidArgument } from '../../../common/errors.ts';

/** An IPv4 network with one address in it. Pure arithmetic on 32-bit numbers. */
export interface Subnet {
  readonly network: number;
  readonly prefixLength: number;
}

/** Dotted text of a 32-bit address. */
export const addressText = (address: number): string =>
  [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');

/** Throws `invalid-argument` for what is not four decimal numbers with dots. */
export function parseAddress(text: string): number {
  if (!isIPv4(text)) throw invalidArgument(`Cannot read the IPv4 address "${text}"`);
  return text.split('.').reduce((address, part) => address * 256 + Number(part), 0);
}

/** `172.17.0.1/16`: the address and its network. Throws `invalid-argument`. */
export function parseCidr(text: string): { address: number; subnet: Subnet } {
  const [head = '', tail = ''] = text.split('/');
  const prefixLength = /^\d{1,2}$/.test(tail) ? Number(tail) : Number.NaN;
  if (!(prefixLength >= 1 && prefixLength <= 30)) {
    throw invalidArgument(`Cannot read "${text}" as address/prefix with a prefix from 1 to 30`);
  }
  const address = parseAddress(head);
  return { address, subnet: subnetOf(address, prefixLength) };
}

export const sizeOf = (subnet: Subnet): number => 2 ** (32 - subnet.prefixLength);

export const subnetOf = (address: number, prefixLength: number): Subnet => ({
  network: address - (address % 2 ** (32 - prefixLength)),
  prefixLength,
});

export const subnetText = ({ network, prefixLength }: Subnet): string =>
  `${addressText(network)}/${prefixLength}`;

export const overlaps = (a: Subnet, b: Subnet): boolean =>
  a.network < b.network + sizeOf(b) && b.network < a.network + sizeOf(a);

export const contains = (subnet: Subnet, address: number): boolean =>
  address >= subnet.network && address < subnet.network + sizeOf(subnet);
