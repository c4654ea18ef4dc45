import { internal } from '../../../common/errors.ts';
import type { Port } from './port.ts';
import type { State } from './state.ts';
import type { Endpoint } from './types.ts';

/** How the device of an endpoint is made; a read of the state. */
export function portOf({ networks, options }: State, { networkId, networkName }: Endpoint): Port {
  const network = networks.get(networkId);
  if (network === undefined || network.linkIndex === 0) {
    throw internal(`The network "${networkName}" has no device on this host`);
  }
  const { view, linkIndex, options: own } = network;
  if (view.driver === 'macvlan' || view.driver === 'ipvlan') {
    return { kind: view.driver, parentIndex: linkIndex, mode: own.mode };
  }
  return { kind: 'bridge', bridgeIndex: linkIndex, mtu: own.mtu ?? options.config.mtu, isolated: !own.icc };
}
