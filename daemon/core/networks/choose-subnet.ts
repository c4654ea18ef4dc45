import { WherryError } from '../../../common/errors.ts';
import { overlaps, parseCidr, subnetOf, type Subnet } from './subnet.ts';

/** The bridge's own address and its network. */
export interface BridgeAddress {
  readonly address: number;
  readonly subnet: Subnet;
}

export interface SubnetChoice {
  /** What the configuration says, `172.17.0.1/16`. */
  readonly bip: string | undefined;
  /** What it was when the daemon ran last. */
  readonly before: BridgeAddress | undefined;
  /** Whether containers with addresses of `before` are running: then nothing can change. */
  readonly inUse: boolean;
  /** What the bridge device has already. */
  readonly present: BridgeAddress | undefined;
  /** Networks that the host reaches by other devices. */
  readonly taken: readonly Subnet[];
}

/** Pure. Throws `invalid-argument` for a bip that can't be read, `unavailable` with docker's text when every pool is taken. */
export function chooseBridgeAddress(choice: SubnetChoice): BridgeAddress {
  const { before, present } = choice;
  const isFree = (subnet: Subnet): boolean => !choice.taken.some((other) => overlaps(subnet, other));
  if (choice.inUse && before !== undefined) return before;
  if (choice.bip !== undefined) return parseCidr(choice.bip);
  if (present !== undefined) return present;
  if (before !== undefined && isFree(before.subnet)) return before;
  const subnet = defaultPools().find(isFree);
  if (subnet === undefined) {
    throw new WherryError('unavailable', 'all predefined address pools have been fully subnetted');
  }
  return { address: subnet.network + 1, subnet };
}

/** Docker's: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in pieces of /20. */
function defaultPools(): Subnet[] {
  const large = Array.from({ length: 15 }, (_, index) => subnetOf((172 * 256 + 17 + index) * 65_536, 16));
  const small = Array.from({ length: 16 }, (_, index) =>
    subnetOf((192 * 256 + 168) * 65_536 + index * 4096, 20),
  );
  return [...large, ...small];
}
