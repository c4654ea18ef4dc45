import { invalidArgument, WherryError } from '../../../common/errors.ts';
import { createAddressPool, type AddressPool } from './address-pool.ts';
import { DEFAULT_POOLS, firstFree } from './choose-subnet.ts';
import type { AddressPoolConfig, NetworkRequest } from './contract.ts';
import {
  addressText,
  contains,
  holds,
  overlaps,
  parseAddress,
  parseCidr,
  subnetText,
  type Subnet,
} from './subnet.ts';
import type { IpamConfig, NetworkView } from './types.ts';

/** Which subnets a network has, and what is left of them. Pure. */
export interface IpamSituation {
  /** Of our other networks. */
  readonly taken: readonly Subnet[];
  /** That the host reaches by devices of its own: only chosen subnets keep away from them. */
  readonly hostTaken: readonly Subnet[];
  readonly pools: readonly AddressPoolConfig[];
}

/** What the subnets of a network will be. Throws with docker's texts. */
export function planIpam(request: NetworkRequest, situation: IpamSituation): readonly IpamConfig[] {
  checkIpam(request);
  const { enableIPv4, enableIPv6 } = request;
  const configs = request.ipam.filter(({ subnet }) => subnet !== undefined);
  const named = configs.filter((config) => (familyOf(config) === 4 ? enableIPv4 : enableIPv6));
  const taken = [...situation.taken];
  for (const { subnet: text = '' } of named) {
    const { subnet } = parseCidr(text);
    if (taken.some((other) => overlaps(other, subnet))) {
      throw new WherryError(
        'permission-denied',
        'invalid pool request: Pool overlaps with other one on this address space',
      );
    }
    taken.push(subnet);
  }
  const chosen = ([4, 6] as const)
    .filter((family) => (family === 4 ? enableIPv4 : enableIPv6))
    .filter((family) => !named.some((config) => familyOf(config) === family))
    .map((family): IpamConfig => {
      const subnet = firstFree({ pools: situation.pools, family, taken: [...taken, ...situation.hostTaken] });
      return { subnet: subnetText(subnet), ipRange: undefined, gateway: undefined, auxAddresses: {} };
    });
  return [
    ...chosen.filter((config) => familyOf(config) === 4),
    ...named,
    ...chosen.filter((config) => familyOf(config) === 6),
  ].map(withGateway);
}

const familyOf = ({ subnet = '' }: IpamConfig): 4 | 6 => (subnet.includes(':') ? 6 : 4);

/** The first address that is free: of the range, if there is one. */
function withGateway(config: IpamConfig): IpamConfig {
  if (config.gateway !== undefined) return config;
  const gateway = poolOf({ ...config, gateway: undefined }).take();
  return { ...config, gateway: addressText(gateway) };
}

export function poolOf({ subnet = '', ipRange, gateway, auxAddresses }: IpamConfig): AddressPool {
  const reserved = [...(gateway === undefined ? [] : [gateway]), ...Object.values(auxAddresses)];
  return createAddressPool({
    subnet: parseCidr(subnet).subnet,
    range: ipRange === undefined ? undefined : parseCidr(ipRange).subnet,
    reserved: reserved.map(parseAddress),
  });
}

/** Of every network's rows. */
export const subnetsOf = (networks: readonly NetworkView[]): Subnet[] =>
  networks
    .filter(({ configOnly }) => configOnly !== true)
    .flatMap(({ ipam }) =>
      ipam.flatMap(({ subnet }) => (subnet === undefined ? [] : [parseCidr(subnet).subnet])),
    );

/** The daemon's pools, or docker's; for IPv6 behind them a private /48 of the daemon's own (RFC 4193), made of its identity. */
export function poolsOf(configured: readonly AddressPoolConfig[], identity: string): AddressPoolConfig[] {
  const own = configured.length === 0 ? DEFAULT_POOLS : configured;
  if (own.some(({ base }) => base.includes(':'))) return [...own];
  const digits = identity.slice(0, 10).padEnd(10, '0');
  return [
    ...own,
    { base: `fd${digits.slice(0, 2)}:${digits.slice(2, 6)}:${digits.slice(6, 10)}::/48`, size: 64 },
  ];
}

/** Docker's ValidateIPAM: everything that is wrong, in one error. */
export function checkIpam({ ipam, enableIPv4, enableIPv6 }: NetworkRequest): void {
  const errors = ipam.flatMap((config) => {
    const { subnet: text } = config;
    if (text === undefined) return [];
    const enabled = text.includes(':') ? enableIPv6 : enableIPv4;
    return enabled ? problemsOf(config, text) : [];
  });
  if (errors.length > 0) throw invalidArgument(`invalid network config:\n${errors.join('\n')}`);
}

function problemsOf({ ipRange, gateway, auxAddresses }: IpamConfig, text: string): string[] {
  const subnet = cidr(text);
  if (subnet === undefined) return [`invalid subnet ${text}: invalid CIDR block notation`];
  const masked = subnetText(subnet);
  const inside = (what: string, address: string): string[] => {
    const problem = addressProblem(address, subnet);
    return problem === undefined ? [] : [`invalid ${what}: ${problem}`];
  };
  return [
    ...(sameCidr(text, subnet) ? [] : [`invalid subnet ${text}: it should be ${masked}`]),
    ...(ipRange === undefined ? [] : rangeProblems(ipRange, subnet)),
    ...(gateway === undefined ? [] : inside(`gateway ${gateway}`, gateway)),
    ...Object.entries(auxAddresses).flatMap(([name, address]) =>
      inside(`auxiliary address ${name}`, address),
    ),
  ];
}

function rangeProblems(text: string, subnet: Subnet): string[] {
  const range = cidr(text);
  if (range === undefined) return [`invalid ip-range ${text}: invalid CIDR block notation`];
  if (range.family !== subnet.family)
    return [`invalid ip-range ${text}: parent subnet is an IPv${subnet.family} block`];
  return [
    ...(sameCidr(text, range) ? [] : [`invalid ip-range ${text}: it should be ${subnetText(range)}`]),
    ...(holds(subnet, range)
      ? []
      : [`invalid ip-range ${text}: parent subnet ${subnetText(subnet)} doesn't contain ip-range`]),
  ];
}

function addressProblem(text: string, subnet: Subnet): string | undefined {
  try {
    const address = parseAddress(text);
    if (address.family !== subnet.family) return `parent subnet is an IPv${subnet.family} block`;
    return contains(subnet, address)
      ? undefined
      : `parent subnet ${subnetText(subnet)} doesn't contain this address`;
  } catch {
    return 'invalid address';
  }
}

function cidr(text: string): Subnet | undefined {
  try {
    return parseCidr(text).subnet;
  } catch {
    return undefined;
  }
}

const sameCidr = (text: string, subnet: Subnet): boolean => parseCidr(text).address.value === subnet.network;
