import type { Container } from '../../../core/contract.ts';
import { showPortMap } from './ports.ts';
import type { Endpoint, EndpointSettings } from '../../../core/networks/types.ts';

/** Resolves a network's name to its id; an unknown one gives an empty string. */
export type NetworkIds = (name: string) => string;

/**
 * Docker's EndpointSettings by network, the same in inspect and list. A network that is joined at the start only, or was at the
 * last one, has no addresses.
 */
export function networksOf(container: Container, networkId: NetworkIds): Record<string, object> {
  const { sandbox, config, state } = container;
  if (sandbox?.kind === 'container') return {};
  if (sandbox !== undefined) {
    return Object.fromEntries(sandbox.endpoints.map((endpoint) => [endpoint.networkName, joined(endpoint)]));
  }
  const known = state.kind === 'created' || state.kind === 'starting' ? () => '' : networkId;
  return Object.fromEntries(
    Object.entries(config.networks).map(([name, settings]) => [
      name,
      { ...unjoined(settings), NetworkID: known(name) },
    ]),
  );
}

const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);

const unjoined = (settings: EndpointSettings) => ({
  IPAMConfig: ipamConfig(settings),
  Links: orNull(settings.links),
  Aliases: orNull(settings.aliases),
  MacAddress: '',
  DriverOpts: Object.keys(settings.driverOptions).length === 0 ? null : settings.driverOptions,
  GwPriority: settings.gatewayPriority,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null as readonly string[] | null,
});

function ipamConfig({ ipv4Address, ipv6Address, linkLocalIps }: EndpointSettings): object | null {
  if (ipv4Address === undefined && ipv6Address === undefined && linkLocalIps.length === 0) return null;
  return {
    ...(ipv4Address === undefined ? {} : { IPv4Address: ipv4Address }),
    ...(ipv6Address === undefined ? {} : { IPv6Address: ipv6Address }),
    ...(linkLocalIps.length === 0 ? {} : { LinkLocalIPs: linkLocalIps }),
  };
}

const joined = (endpoint: Endpoint): object => ({
  ...unjoined(endpoint.settings),
  MacAddress: endpoint.macAddress,
  NetworkID: endpoint.networkId,
  EndpointID: endpoint.endpointId,
  Gateway: endpoint.gateway,
  IPAddress: endpoint.ipAddress,
  IPPrefixLen: endpoint.prefixLength,
  IPv6Gateway: endpoint.ipv6Gateway,
  GlobalIPv6Address: endpoint.ipv6Address,
  GlobalIPv6PrefixLen: endpoint.ipv6PrefixLength,
  DNSNames: orNull(endpoint.dnsNames),
});

/** Inspect's NetworkSettings, with the flat copy of the default bridge's endpoint that old clients read. */
export function networkSettings(container: Container, networkId: NetworkIds): object {
  const { sandbox } = container;
  const bridge = sandbox?.endpoints.find(({ networkName }) => networkName === 'bridge');
  return {
    Bridge: '',
    SandboxID: sandbox === undefined || sandbox.kind === 'container' ? '' : container.id,
    SandboxKey: container.sandboxKey,
    Ports: showPortMap(container),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.endpointId ?? '',
    Gateway: bridge?.gateway ?? '',
    GlobalIPv6Address: bridge?.ipv6Address ?? '',
    GlobalIPv6PrefixLen: bridge?.ipv6PrefixLength ?? 0,
    IPAddress: bridge?.ipAddress ?? '',
    IPPrefixLen: bridge?.prefixLength ?? 0,
    IPv6Gateway: bridge?.ipv6Gateway ?? '',
    MacAddress: bridge?.macAddress ?? '',
    Networks: networksOf(container, networkId),
  };
}
