import { conflict, WherryError } from '../../../common/errors.ts';
import { BITS, bytesOf, contains, sizeOf, subnetText, type Address, type Subnet } from './subnet.ts';

/**
 * The addresses of one subnet that containers may have. They are given out in turn, so that one which was just given back is
 * used again as late as possible: its veth may still be a port of the bridge while the kernel takes the old namespace down.
 * Own state only; the rows are the caller's.
 */
export interface AddressPool {
  readonly subnet: Subnet;
  /** Throws `unavailable` when every address is taken. */
  take(): Address;
  /** Takes this one. Throws `conflict` `Address already in use` if it is taken. */
  takeThis(address: Address): void;
  /** Marks an address that a row has. */
  claim(address: Address): void;
  give(address: Address): void;
  /** When disposed of, it is the turn again of whoever has it now: for who takes only to look, and gives back. */
  mark(): Disposable;
}

export interface PoolRange {
  readonly subnet: Subnet;
  /** Where addresses come from that nobody asked for; undefined: the whole subnet. */
  readonly range: Subnet | undefined;
  /** Never given out: gateway and auxiliary addresses. */
  readonly reserved: readonly Address[];
}

/** The first and, with IPv4, the last address of the subnet are never given out either. */
export function createAddressPool({ subnet, range, reserved }: PoolRange): AddressPool {
  const { family } = subnet;
  const [first, last] = usable(subnet);
  const within = range ?? subnet;
  const start = max(first, within.network);
  const count = min(last, within.network + sizeOf(within) - 1n) - start + 1n;
  const fixed = new Set(reserved.map(({ value }) => value));
  const taken = new Set(fixed);
  let next = 0n;
  return {
    subnet,
    take: () => {
      // As many as are taken may be in the way; the count itself is 2^64 with IPv6.
      for (let tries = min(count, BigInt(taken.size) + 1n); tries > 0n; tries -= 1n) {
        const value = start + next;
        next = (next + 1n) % count;
        if (taken.has(value)) continue;
        taken.add(value);
        return { family, value };
      }
      throw new WherryError(
        'unavailable',
        `no available IPv${family} addresses on this network's address pools: ${subnetText(subnet)}`,
      );
    },
    takeThis: ({ value }) => {
      if (taken.has(value)) throw conflict('Address already in use');
      taken.add(value);
    },
    claim: ({ value }) => void taken.add(value),
    mark: () => {
      const before = next;
      return { [Symbol.dispose]: () => void (next = before) };
    },
    give: (address) => {
      if (contains(subnet, address) && !fixed.has(address.value)) taken.delete(address.value);
    },
  };
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** A network of one or two addresses (RFC 3021) has nothing to spare. */
function usable(subnet: Subnet): readonly [first: bigint, last: bigint] {
  const last = subnet.network + sizeOf(subnet) - 1n;
  if (subnet.prefixLength >= BITS[subnet.family] - 1) return [subnet.network, last];
  return [subnet.network + 1n, subnet.family === 4 ? last - 1n : last];
}

/** Docker's for containers: the address tells the MAC, so that no neighbour's ARP entry goes stale: 02:42:ac:11:00:02. */
export const macOf = (address: Address): string =>
  ['02', '42', ...[...bytesOf(address).slice(-4)].map((part) => part.toString(16).padStart(2, '0'))].join(
    ':',
  );
