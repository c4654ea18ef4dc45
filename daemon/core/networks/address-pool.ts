import { WherryError } from '../../../common/errors.ts';
import { addressText, sizeOf, subnetText, type Subnet } from './subnet.ts';

/**
 * The addresses of one subnet that containers may have. They are given out in turn, so that one which was just given back is
 * used again as late as possible: its veth may still be a port of the bridge while the kernel takes the old namespace down.
 * Own state only; the rows are the caller's.
 */
export interface AddressPool {
  /** Throws `unavailable` when every address is taken. */
  take(): number;
  /** Marks an address that a row has. */
  claim(address: number): void;
  give(address: number): void;
}

/** Network, broadcast and gateway are never given out. */
export function createAddressPool(subnet: Subnet, gateway: number): AddressPool {
  const first = subnet.network + 1;
  const count = sizeOf(subnet) - 2;
  const taken = new Set([gateway]);
  let next = 0;
  return {
    take: () => {
      for (let tries = 0; tries < count; tries += 1) {
        const address = first + next;
        next = (next + 1) % count;
        if (taken.has(address)) continue;
        taken.add(address);
        return address;
      }
      throw new WherryError('unavailable', `No address is left in ${subnetText(subnet)}`);
    },
    claim: (address) => void taken.add(address),
    give: (address) => {
      if (address !== gateway) taken.delete(address);
    },
  };
}

/** Docker's for containers: the address tells the MAC, so that no neighbour's ARP entry goes stale: 02:42:ac:11:00:02. */
export const macOf = (address: number): string =>
  [
    '02',
    '42',
    ...addressText(address)
      .split('.')
      .map((part) => Number(part).toString(16).padStart(2, '0')),
  ].join(':');
