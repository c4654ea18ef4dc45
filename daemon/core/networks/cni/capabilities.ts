import { contains, parseAddress, parseCidr } from '../subnet.ts';
import type { CarriedPort, EndpointSettings } from '../types.ts';
import type { Chain } from '../../../../common/cni/contract.ts';
import type { Attachment } from './contract.ts';
import { parseCniOptions, parseEndpointOptions } from './options.ts';

/** What the runtime has to tell: by capability (CONVENTIONS.md), and as CNI_ARGS for plugins from before these. Pure. */
export interface Wishes {
  readonly chain: Chain;
  readonly networkOptions: Readonly<Record<string, string>>;
  readonly settings: EndpointSettings;
  readonly dnsNames: readonly string[];
  readonly ports: readonly CarriedPort[];
}

export function wishesOf({
  chain,
  networkOptions,
  settings,
  dnsNames,
  ports,
}: Wishes): Pick<Attachment, 'args' | 'capabilities'> {
  const network = parseCniOptions(networkOptions);
  const own = parseEndpointOptions(settings.driverOptions);
  const addresses = addressesOf(settings);
  const { macAddress } = settings;
  const bandwidth = { ...network.bandwidth, ...own.bandwidth };
  return {
    args: [
      'IgnoreUnknown=1',
      ...(addresses[0] === undefined ? [] : [`IP=${addresses[0]}`]),
      ...(macAddress === undefined ? [] : [`MAC=${macAddress}`]),
      ...network.args,
      ...own.args,
    ].join(';'),
    capabilities: {
      ...(addresses.length === 0 ? {} : { ips: addresses.map((address) => withPrefix(address, chain)) }),
      ...(macAddress === undefined ? {} : { mac: macAddress }),
      ...(ports.length === 0 ? {} : { portMappings: ports.map(portMapping) }),
      ...(Object.keys(bandwidth).length === 0 ? {} : { bandwidth }),
      ...(dnsNames.length === 0 ? {} : { aliases: { [chain.name]: dnsNames } }),
    },
  };
}

export const addressesOf = ({ ipv4Address, ipv6Address }: EndpointSettings): string[] =>
  [ipv4Address, ipv6Address].filter((address) => address !== undefined);

const portMapping = ({ hostPort, containerPort, protocol, hostIp }: CarriedPort): object => ({
  hostPort,
  containerPort,
  protocol,
  // Everywhere is what no address means.
  ...(hostIp === '0.0.0.0' || hostIp === '::' ? {} : { hostIP: hostIp }),
});

/** The plugin `static` wants a prefix: that of the subnet in the list which the address is in. */
function withPrefix(address: string, chain: Chain): string {
  const parsed = parseAddress(address);
  for (const text of subnetsIn(chain.plugins)) {
    const { subnet } = parseCidr(text);
    if (contains(subnet, parsed)) return `${address}/${subnet.prefixLength}`;
  }
  return address;
}

/** Whatever in the list reads as a subnet or an address with one. */
function subnetsIn(value: unknown): string[] {
  if (typeof value === 'string') return isCidr(value) ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(subnetsIn) : [];
}

function isCidr(text: string): boolean {
  try {
    // A default route says nothing.
    return /^[\da-f.:]+\/\d+$/i.test(text) && parseCidr(text).subnet.prefixLength > 0;
  } catch {
    return false;
  }
}
