import { invalidArgument } from '../../../common/errors.ts';
import {
  attachToBridge,
  createOnParent,
  createVethPair,
  IPVLAN_MODES,
  MACVLAN_MODES,
  setPort,
  syncLink,
} from '../../../native/netlink/link.ts';
import type { Endpoint } from './types.ts';

/** How an endpoint's device is made. Pure. */
export type Port = BridgePort | ParentPort;

export interface BridgePort {
  readonly kind: 'bridge';
  readonly bridgeIndex: number;
  readonly mtu: number;
  /** Keeps it from reaching other ports that are isolated as well: `icc` false. */
  readonly isolated: boolean;
}

export interface ParentPort {
  readonly kind: 'macvlan' | 'ipvlan';
  readonly parentIndex: number;
  /** `bridge`, `l3`, ... */
  readonly mode: string;
}

/** A message, and what it does. */
export interface Step {
  readonly action: string;
  readonly message: Buffer;
}

/** Makes the device in the network namespace of the process whose id is put at VETH_PID_OFFSET: up, but without a carrier yet. */
export function creation(endpoint: Endpoint, port: Port, pid = 0): Step {
  const { interfaceName: name, interfaceIndex: index, macAddress, hostInterface: host } = endpoint;
  if (port.kind === 'bridge') {
    return {
      action: `create the veth pair "${host}" and "${name}"`,
      message: createVethPair({ host, peer: { name, index, macAddress }, mtu: port.mtu }, pid),
    };
  }
  const { kind, parentIndex, mode } = port;
  return {
    action: `create the ${kind} device "${name}"`,
    message: createOnParent({ kind, name, index, parentIndex, macAddress, mode: modeOf(kind, mode) }, pid),
  };
}

/** Makes the host's end a port of the bridge. */
export function attachment(endpoint: Endpoint, port: Port): readonly Step[] {
  if (port.kind !== 'bridge') return [];
  const name = endpoint.hostInterface;
  // Who reaches itself by a port of the host is bridged back where br_netfilter is. With IPv6 it would meet its own address.
  const hairpin = endpoint.ipv6Address === '';
  return [
    {
      action: `attach "${name}" to the bridge of "${endpoint.networkName}"`,
      message: attachToBridge(name, port.bridgeIndex),
    },
    ...(port.isolated || hairpin
      ? [
          {
            action: `set up bridge port "${name}"`,
            message: setPort(name, { isolated: port.isolated, hairpin }),
          },
        ]
      : []),
  ];
}

/** Without this, at either end, a container's first packet may be lost, and a connection made at once takes the second that ARP waits. */
export const startToSend = (name: string): Step => ({
  action: `have "${name}" send at once`,
  message: syncLink(name),
});

/** Throws `invalid-argument` for a mode that there is not. */
export function modeOf(kind: ParentPort['kind'], mode: string): number {
  const modes: Readonly<Record<string, number>> = kind === 'macvlan' ? MACVLAN_MODES : IPVLAN_MODES;
  const number = Object.hasOwn(modes, mode) ? modes[mode] : undefined;
  if (number === undefined) throw invalidArgument(`unknown ${kind} mode: ${mode}`);
  return number;
}
