import type { Container, NetworkView } from '../../../core/contract.ts';

/** Docker's Network; a list leaves `containers` empty. */
export function showNetwork(network: NetworkView, containers: readonly Container[]): object {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: ipamConfig(network) },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(
      containers.flatMap((container) => {
        const resource = endpointResource(container, network.id);
        return resource === undefined ? [] : [[container.id, resource]];
      }),
    ),
    Options: network.options,
    Labels: {},
  };
}

function ipamConfig({ subnet, gateway }: NetworkView): object[] | null {
  if (subnet === undefined) return null;
  return [{ Subnet: subnet, ...(gateway === undefined ? {} : { Gateway: gateway }) }];
}

function endpointResource({ name, endpoint }: Container, networkId: string): object | undefined {
  if (endpoint?.networkId !== networkId) return undefined;
  return {
    Name: name,
    EndpointID: endpoint.endpointId,
    MacAddress: endpoint.macAddress,
    IPv4Address: endpoint.ipAddress === '' ? '' : `${endpoint.ipAddress}/${endpoint.prefixLength}`,
    IPv6Address: '',
  };
}
