import type { AddressPool } from './address-pool.ts';
import type { BridgeNetwork, NetworksConfig } from './contract.ts';
import { poolOf } from './ipam.ts';
import { parseOptions, type NetworkOptions } from './options.ts';
import type { NetworkView } from './types.ts';

/** One network as it is held in memory. */
export interface Network {
  readonly view: NetworkView;
  readonly isDefaultBridge: boolean;
  readonly options: NetworkOptions;
  /** Of each subnet. */
  readonly pools: readonly AddressPool[];
  /** Index of the bridge, or of the parent; 0 until the kernel has it, and for others. */
  linkIndex: number;
}

export const DEFAULT_BRIDGE = 'bridge';

export function networkOf(view: NetworkView): Network {
  return {
    view,
    isDefaultBridge: view.name === DEFAULT_BRIDGE,
    options: parseOptions(view.driver, view.configOnly === true ? {} : view.options),
    pools: (view.configOnly === true ? [] : view.ipam).flatMap((config) =>
      config.subnet === undefined ? [] : [poolOf(config)],
    ),
    linkIndex: 0,
  };
}

export const bridgeNameOf = ({ view, options }: Network): string =>
  options.bridgeName ?? `br-${view.id.slice(0, 12)}`;

export function bridgeNetworkOf(network: Network, config: NetworksConfig): BridgeNetwork | undefined {
  const { view, options, linkIndex } = network;
  if (view.driver !== 'bridge') return undefined;
  const subnets = view.ipam.flatMap(({ subnet }) => (subnet === undefined ? [] : [subnet]));
  return {
    id: view.id,
    name: view.name,
    bridgeName: bridgeNameOf(network),
    bridgeIndex: linkIndex,
    internal: view.internal,
    icc: options.icc,
    masqueraded: subnets.filter((subnet) =>
      subnet.includes(':') ? options.masquerade6 : options.masquerade4,
    ),
    mtu: options.mtu ?? config.mtu,
    subnets,
    gateways: view.ipam.flatMap(({ gateway }) => (gateway === undefined ? [] : [gateway])),
    hostBinding: options.hostBinding ?? (network.isDefaultBridge ? config.publishIp : undefined),
    gatewayMode4: options.gatewayMode4,
    gatewayMode6: options.gatewayMode6,
  };
}
