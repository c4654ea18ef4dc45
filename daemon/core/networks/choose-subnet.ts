import { WherryError } from '../../../common/errors.ts';
import type { AddressPoolConfig } from './contract.ts';
import { addressIn, BITS, overlaps, parseCidr, subnetOf, type Cidr, type Subnet } from './subnet.ts';

/** The bridge's own address and its network. */
export type BridgeAddress = Cidr;

export interface SubnetChoice {
  /** What the configuration says, `172.17.0.1/16`. */
  readonly bip: string | undefined;
  /** What it was when the daemon ran last. */
  readonly before: BridgeAddress | undefined;
  /** Whether containers with addresses of `before` are running: then nothing can change. */
  readonly inUse: boolean;
  /** What the bridge device has already. */
  readonly present: BridgeAddress | undefined;
  /** Networks that the host reaches by other devices, and those of other networks of ours. */
  readonly taken: readonly Subnet[];
  readonly pools: readonly AddressPoolConfig[];
}

/** Pure. Throws `invalid-argument` for a bip that can't be read, `unavailable` with docker's text when every pool is taken. */
export function chooseBridgeAddress(choice: SubnetChoice): BridgeAddress {
  const { before, present, pools, taken } = choice;
  const isFree = (subnet: Subnet): boolean => !taken.some((other) => overlaps(subnet, other));
  if (choice.inUse && before !== undefined) return before;
  if (choice.bip !== undefined) return parseCidr(choice.bip);
  if (present !== undefined) return present;
  if (before !== undefined && isFree(before.subnet)) return before;
  const subnet = firstFree({ pools, family: 4, taken });
  return { address: addressIn(subnet, 1n), subnet };
}

/** Docker's: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in pieces of /20. */
export const DEFAULT_POOLS: readonly AddressPoolConfig[] = [
  ...Array.from({ length: 15 }, (_, index) => ({ base: `172.${17 + index}.0.0/16`, size: 16 })),
  { base: '192.168.0.0/16', size: 20 },
];

export interface PoolSearch {
  readonly pools: readonly AddressPoolConfig[];
  readonly family: 4 | 6;
  readonly taken: readonly Subnet[];
}

/** The first subnet of the pools that nobody has. Pure. Throws `unavailable`. */
export function firstFree({ pools, family, taken }: PoolSearch): Subnet {
  for (const { base, size } of pools) {
    const { subnet } = parseCidr(base);
    if (subnet.family !== family) continue;
    const step = 1n << BigInt(BITS[family] - size);
    const end = subnet.network + (1n << BigInt(BITS[family] - subnet.prefixLength));
    for (let network = subnet.network; network < end;) {
      const candidate = subnetOf({ family, value: network }, size);
      const other = taken.find((each) => overlaps(candidate, each));
      if (other === undefined) return candidate;
      // Behind it, however large it is: a /48 is not walked through in steps of /64.
      const behind = other.network + (1n << BigInt(BITS[family] - other.prefixLength));
      network =
        behind > network + step
          ? subnet.network + ((behind - subnet.network + step - 1n) / step) * step
          : network + step;
    }
  }
  throw new WherryError('unavailable', 'all predefined address pools have been fully subnetted');
}
