import type { Ctx } from '../../../common/ctx.ts';
import { invalidArgument, messageOf } from '../../../common/errors.ts';
import { batchBegin, batchEnd } from '../../../native/netlink/nftables.ts';
import { connectNetlink, type NetlinkRequest } from '../../../native/netlink/connection.ts';
import { addConfined, constantElements, deleteConfined, type ConfinedPort } from '../egress/elements.ts';
import { BRIDGE_CHAINS, bridgeSkeleton, EGRESS_CHAINS, egressSkeleton } from '../egress/rules.ts';
import type { Egress } from '../egress/contract.ts';
import { tableName } from './firewall.ts';
import { bridgeNameOf, type Network } from './network.ts';
import type { State } from './state.ts';
import type { Endpoint, Sandbox } from './types.ts';

/**
 * Holds containers to their egress lists: each port's elements are in the kernel before its device is made, and go after it. One
 * transaction each, tens of microseconds; only containers with a list pay for it.
 */
export function confine(state: State, sandbox: Sandbox): void {
  const ports = portsOf(state, sandbox);
  if (ports.length === 0) return;
  const others = allPorts(state).length - ports.length;
  if (others === 0) putConfinement(state);
  else send(addConfined(tableOf(state), ports));
}

/** The sandbox, or a part of it, is not in the state any more. Never throws: rules that a wipe took are put back as a whole. */
export function unconfine(ctx: Ctx, state: State, sandbox: Sandbox): void {
  const ports = portsOf(state, sandbox);
  if (ports.length === 0) return;
  try {
    if (allPorts(state).length === 0) putConfinement(state);
    else send(deleteConfined(tableOf(state), ports));
  } catch (error) {
    ctx.log.warn('Cannot take an egress list out of the firewall', { error: messageOf(error) });
    putConfinement(state);
  }
}

/** All of it, in place of what was there. */
export function putConfinement(state: State): void {
  if (!state.options.config.firewall) return;
  const table = tableOf(state);
  const ports = allPorts(state);
  const hostRules = [...egressSkeleton(table), ...constantElements(table, 'inet')];
  if (ports.length === 0) {
    send(hostRules);
    removeBridgeRules(table);
  } else {
    const bridgeRules = [...bridgeSkeleton(table, true), ...constantElements(table, 'bridge')];
    send([...hostRules, ...bridgeRules, ...addConfined(table, ports)]);
  }
}

/** Nothing if there are none. */
export function removeBridgeRules(table: string): void {
  try {
    send(bridgeSkeleton(table, false));
  } catch (error) {
    // A kernel without nf_tables for bridges has no rules of ours there.
    if (!/: (EOPNOTSUPP|EAFNOSUPPORT|EPROTONOSUPPORT|ENOENT)/.test(messageOf(error))) throw error;
  }
}

/** Chains that have rules now. */
export const confinementChains = (
  state: State,
): { family: 'inet' | 'bridge'; names: readonly string[] }[] => [
  { family: 'inet', names: EGRESS_CHAINS },
  ...(allPorts(state).length > 0 ? [{ family: 'bridge' as const, names: BRIDGE_CHAINS }] : []),
];

const tableOf = ({ options }: State): string => tableName(options.config.bridgeName);

function send(requests: readonly NetlinkRequest[]): void {
  using netfilter = connectNetlink('netfilter');
  netfilter.batch(batchOf(requests));
}

const batchOf = (requests: readonly NetlinkRequest[]): NetlinkRequest[] => [
  { action: 'begin a batch of nftables rules', message: batchBegin() },
  ...requests,
  { action: 'commit the nftables rules', message: batchEnd() },
];

const allPorts = (state: State): ConfinedPort[] =>
  [...state.sandboxes.values()].flatMap((sandbox) => portsOf(state, sandbox));

function portsOf(state: State, sandbox: Sandbox): ConfinedPort[] {
  const { egress } = sandbox;
  return egress === undefined
    ? []
    : sandbox.endpoints.flatMap((endpoint) => portOf(state, endpoint, egress) ?? []);
}

function portOf({ networks }: State, endpoint: Endpoint, egress: Egress): ConfinedPort | undefined {
  const network = networks.get(endpoint.networkId);
  if (endpoint.hostInterface === '' || network === undefined) return undefined;
  const { hostInterface, macAddress, ipAddress, ipv6Address, settings } = endpoint;
  const addresses = [ipAddress, ipv6Address, ...settings.linkLocalIps].filter((each) => each !== '');
  return { hostInterface, macAddress, bridgeName: bridgeNameOf(network), addresses, egress };
}

/** Throws `invalid-argument` where a list could not be enforced: what leaves by a parent device passes no rule of the host. */
export function checkConfinable({ options }: Pick<State, 'options'>, { view }: Network): void {
  if (!options.config.firewall)
    throw invalidArgument(
      'an egress list needs the daemon\'s firewall rules, which are switched off ("iptables")',
    );
  if (view.driver !== 'bridge' && view.driver !== 'null')
    throw invalidArgument(
      `an egress list can't be enforced in the network "${view.name}", whose driver is ${view.driver}`,
    );
}
