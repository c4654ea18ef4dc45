import { parseCidr } from './subnet.ts';
import { tableName } from './firewall.ts';
import type { KernelJob } from './kernel-jobs.ts';
import { runJob } from './kernel-work.ts';
import { bridgeNameOf, bridgeNetworkOf, type Network } from './network.ts';
import type { State } from './state.ts';

/** What the kernel has of a network, made in the networks' thread. */
export async function bringUp(state: State, network: Network): Promise<void> {
  const job = deviceJob(state, network);
  if (job !== undefined) network.linkIndex = await state.kernel.run(job);
}

/** Undefined for a network without a device. */
export function deviceJob({ options }: State, network: Network): KernelJob | undefined {
  const { view, options: own } = network;
  if (view.driver === 'macvlan' || view.driver === 'ipvlan') {
    return { kind: 'parent', name: own.parent ?? '', driver: view.driver };
  }
  if (view.driver !== 'bridge') return undefined;
  const cidrs = view.ipam.flatMap(({ subnet, gateway }) =>
    subnet === undefined || gateway === undefined
      ? []
      : [parseCidr(`${gateway}/${subnet.split('/')[1] ?? ''}`)],
  );
  const addresses = cidrs.filter(({ subnet }) => subnet.family === 6 || !own.inhibitIPv4);
  const device = {
    name: bridgeNameOf(network),
    mtu: own.mtu ?? options.config.mtu,
    addresses,
    before: undefined,
  };
  return { kind: 'bridge', device, ipv6: view.enableIPv6 };
}

/** Puts the rules of all networks in place, if there are to be any. */
export async function putRules(state: State): Promise<void> {
  const job = rulesJob(state);
  if (job !== undefined) await state.kernel.run(job);
}

/** The same without the thread, whose start takes longer than the transaction. */
export function putRulesNow(state: State): void {
  const job = rulesJob(state);
  if (job !== undefined) runJob(job);
}

export function rulesJob({ options, networks }: State): KernelJob | undefined {
  if (!options.config.firewall) return undefined;
  const bridges = [...networks.values()].flatMap((network) => bridgeNetworkOf(network, options.config) ?? []);
  return { kind: 'firewall', firewall: { table: tableName(options.config.bridgeName), networks: bridges } };
}
