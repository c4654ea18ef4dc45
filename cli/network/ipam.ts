import { BlockList, isIP } from 'node:net';
import { invalidArgument } from '../../common/errors.ts';

/** The flags of `network create` that belong to subnets. */
export interface IpamFlags {
  readonly subnet: readonly string[];
  readonly 'ip-range': readonly string[];
  readonly gateway: readonly string[];
  /** `name=address`. */
  readonly 'aux-address': readonly string[];
}

export interface IpamConfig {
  readonly Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** Each range, gateway and auxiliary address belongs to the subnet that holds it. Throws with docker's texts. */
export function ipamConfig(flags: IpamFlags): IpamConfig[] {
  const { subnet: subnets, 'ip-range': ranges, gateway: gateways, 'aux-address': auxiliary } = flags;
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw invalidArgument('every ip-range or gateway must have a corresponding subnet');
  }
  const configs = subnets.map((subnet): IpamConfig & { holds: (text: string) => boolean } => ({
    Subnet: subnet,
    holds: holder(subnet),
  }));
  checkOverlaps(configs);
  const owner = (address: string, what: string) => {
    const config = configs.find(({ holds }) => holds(address.split('/')[0] ?? ''));
    if (config === undefined) throw invalidArgument(`no matching subnet for ${what} ${address}`);
    return config;
  };
  for (const range of ranges) {
    const config = owner(range, 'range');
    if (config.IPRange !== undefined) {
      throw invalidArgument(
        `cannot configure multiple ranges (${range}, ${config.IPRange}) on the same subnet (${config.Subnet})`,
      );
    }
    config.IPRange = range;
  }
  for (const gateway of gateways) {
    const config = owner(gateway, 'gateway');
    if (config.Gateway !== undefined) {
      throw invalidArgument(
        `cannot configure multiple gateways (${gateway}, ${config.Gateway}) for the same subnet (${config.Subnet})`,
      );
    }
    config.Gateway = gateway;
  }
  for (const each of auxiliary) {
    const [name = '', address = ''] = each.split('=');
    const config = owner(address, 'aux-address');
    config.AuxiliaryAddresses = { ...config.AuxiliaryAddresses, [name]: address };
  }
  return configs.map(({ holds: _holds, ...config }) => config);
}

function holder(subnet: string): (text: string) => boolean {
  const [network = '', prefix = ''] = subnet.split('/');
  const family = isIP(network);
  if (family === 0 || !/^\d+$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128)) {
    throw invalidArgument(`invalid CIDR address: ${subnet}`);
  }
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  return (text) => isIP(text) === family && list.check(text, family === 4 ? 'ipv4' : 'ipv6');
}

function checkOverlaps(configs: readonly { readonly Subnet: string; holds(text: string): boolean }[]): void {
  for (const config of configs) {
    const others = configs.filter((other) => other !== config);
    if (others.some((other) => other.holds(config.Subnet.split('/')[0] ?? ''))) {
      throw invalidArgument('multiple overlapping subnet configuration is not supported');
    }
  }
}
