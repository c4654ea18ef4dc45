import type { Container, EndpointView } from '../../../core/contract.ts';

/** Resolves a network's name to its id; an unknown one gives an empty string. */
export type NetworkIds = (name: string) => string;

/** Docker's EndpointSettings, the same in inspect and list; the zero form stands for a network that is not joined now. */
export function networksOf(container: Container, networkId: NetworkIds): Record<string, object> {
  const { endpoint, state } = container;
  if (endpoint !== undefined) return { [endpoint.networkName]: settings(endpoint) };
  const name = container.config.host.networkMode;
  const known = state.kind === 'created' || state.kind === 'starting' ? '' : networkId(name);
  return { [name]: { ...UNJOINED, NetworkID: known } };
}

const UNJOINED = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
} as const;

function settings(endpoint: EndpointView): object {
  return {
    ...UNJOINED,
    MacAddress: endpoint.macAddress,
    NetworkID: endpoint.networkId,
    EndpointID: endpoint.endpointId,
    Gateway: endpoint.gateway,
    IPAddress: endpoint.ipAddress,
    IPPrefixLen: endpoint.prefixLength,
  };
}

/** Inspect's NetworkSettings, with the flat copy of the default bridge's endpoint that old clients read. */
export function networkSettings(container: Container, networkId: NetworkIds): object {
  const { endpoint } = container;
  const bridge = endpoint?.networkName === 'bridge' ? endpoint : undefined;
  return {
    Bridge: '',
    SandboxID: endpoint === undefined ? '' : container.id,
    SandboxKey: endpoint?.sandboxKey ?? '',
    Ports: {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.endpointId ?? '',
    Gateway: bridge?.gateway ?? '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: bridge?.ipAddress ?? '',
    IPPrefixLen: bridge?.prefixLength ?? 0,
    IPv6Gateway: '',
    MacAddress: bridge?.macAddress ?? '',
    Networks: networksOf(container, networkId),
  };
}
