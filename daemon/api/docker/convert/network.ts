import type { Container } from '../../../core/contract.ts';
import type { Readiness } from '../../../core/networks/cni/contract.ts';
import type { Endpoint, IpamConfig, NetworkView } from '../../../core/networks/types.ts';

/** Docker's Network; a list leaves `containers` empty. */
export function showNetwork(network: NetworkView, containers: readonly Container[]): object {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: network.enableIPv4,
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: 'default',
      Options: network.ipamOptions ?? null,
      Config: network.ipam.length === 0 ? null : network.ipam.map(ipamConfig),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom ?? '' },
    ConfigOnly: network.configOnly ?? false,
    Containers: Object.fromEntries(
      containers.flatMap(({ id, name, sandbox }) =>
        (sandbox?.endpoints ?? [])
          .filter(({ networkId }) => networkId === network.id)
          .map((endpoint) => [id, endpointResource(name, endpoint)]),
      ),
    ),
    Options: network.options,
    Labels: network.labels,
  };
}

/** Under docker's word for what is so now, where its clients look for nothing of ours. */
export const showStatus = (readiness: Readiness | undefined): object =>
  readiness === undefined ? {} : { Status: { CNI: showReadiness(readiness) } };

export const showReadiness = ({ at, error }: Readiness): object => ({
  Ready: error === undefined,
  Error: error ?? '',
  At: at,
});

function ipamConfig({ subnet, ipRange, gateway, auxAddresses }: IpamConfig): object {
  return {
    ...(subnet === undefined ? {} : { Subnet: subnet }),
    ...(ipRange === undefined ? {} : { IPRange: ipRange }),
    ...(gateway === undefined ? {} : { Gateway: gateway }),
    ...(Object.keys(auxAddresses).length === 0 ? {} : { AuxiliaryAddresses: auxAddresses }),
  };
}

const cidr = (address: string, prefixLength: number): string =>
  address === '' ? '' : `${address}/${prefixLength}`;

const endpointResource = (name: string, endpoint: Endpoint): object => ({
  Name: name,
  EndpointID: endpoint.endpointId,
  MacAddress: endpoint.macAddress,
  IPv4Address: cidr(endpoint.ipAddress, endpoint.prefixLength),
  IPv6Address: cidr(endpoint.ipv6Address, endpoint.ipv6PrefixLength),
});
