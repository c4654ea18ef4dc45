import { addAddress } from '../../../native/netlink/address.ts';
import { addDefaultRoute, addLinkRoute } from '../../../native/netlink/route.ts';
import type { Port, Step } from './port.ts';
import type { Endpoint } from './types.ts';

/** What makes a device inside a container's network namespace an interface: addresses, and who has the default route. Pure. */
const LINK_LOCAL_PREFIX = { 4: 16, 6: 64 } as const;

export function addressSteps(endpoint: Endpoint): readonly Step[] {
  const { interfaceName, interfaceIndex: linkIndex, settings } = endpoint;
  const all = [
    { address: endpoint.ipAddress, prefixLength: endpoint.prefixLength },
    { address: endpoint.ipv6Address, prefixLength: endpoint.ipv6PrefixLength },
    ...settings.linkLocalIps.map((address) => ({
      address,
      prefixLength: LINK_LOCAL_PREFIX[address.includes(':') ? 6 : 4],
    })),
  ];
  return all
    .filter(({ address }) => address !== '')
    .map(({ address, prefixLength }) => ({
      action: `add address ${address}/${prefixLength} to "${interfaceName}"`,
      message: addAddress({ linkIndex, address, prefixLength }),
    }));
}

export interface Gateways {
  readonly ipv4: Endpoint | undefined;
  readonly ipv6: Endpoint | undefined;
}

/** Docker's rule: the highest priority, then the name of the network. */
export const byGatewayPriority = (endpoints: readonly Endpoint[]): Endpoint[] =>
  endpoints.toSorted(
    (a, b) =>
      b.settings.gatewayPriority - a.settings.gatewayPriority || (a.networkName < b.networkName ? -1 : 1),
  );

export function chooseGateways(endpoints: readonly Endpoint[]): Gateways {
  const ordered = byGatewayPriority(endpoints);
  return {
    ipv4: ordered.find(
      ({ gateway, defaultRoutes }) => gateway !== '' && (defaultRoutes?.includes(4) ?? true),
    ),
    ipv6: ordered.find(
      ({ ipv6Gateway, defaultRoutes }) => ipv6Gateway !== '' && (defaultRoutes?.includes(6) ?? true),
    ),
  };
}

/** `ports`: by network id; ipvlan in mode l3 has nobody who answers for a gateway. */
export function routeSteps(
  { ipv4, ipv6 }: Gateways,
  { portOf, beside }: { readonly portOf: (endpoint: Endpoint) => Port; readonly beside: boolean },
): readonly Step[] {
  const stepOf = (endpoint: Endpoint, gateway: string): Step =>
    routeStep(endpoint, gateway, { port: portOf(endpoint), beside });
  return [
    ...(isOurs(ipv4) ? [stepOf(ipv4, ipv4.gateway)] : []),
    ...(isOurs(ipv6) ? [stepOf(ipv6, ipv6.ipv6Gateway)] : []),
  ];
}

/** CNI's plugins make their routes themselves. */
export const isOurs = (endpoint: Endpoint | undefined): endpoint is Endpoint =>
  endpoint !== undefined && endpoint.driver !== 'cni';

export function routeStep(
  { interfaceIndex }: Pick<Endpoint, 'interfaceIndex'>,
  gateway: string,
  { port, beside = false }: { readonly port: Port | undefined; readonly beside?: boolean },
): Step {
  return {
    action: `add the default route by ${gateway}`,
    message:
      port?.kind === 'ipvlan' && port.mode !== 'l2'
        ? addLinkRoute(gateway.includes(':') ? 6 : 4, interfaceIndex)
        : addDefaultRoute(gateway, interfaceIndex, beside),
  };
}
