import type { NetlinkConnection, NetlinkRequest } from '../../../native/netlink/connection.ts';
import {
  interfaceIs,
  isEstablished,
  jump,
  masquerade,
  sourceIn,
  verdict,
} from '../../../native/netlink/nftables-expressions.ts';
import {
  addBaseChain,
  addChain,
  addRule,
  addTable,
  batchBegin,
  batchEnd,
  deleteTable,
  flushChain,
} from '../../../native/netlink/nftables.ts';
import type { BridgeNetwork } from './contract.ts';
import { bytesOf, parseCidr } from './subnet.ts';

/**
 * The nftables table of all networks of a daemon. What it accepts, another table of the host may still drop; so the host's firewall
 * is respected, and none of its tables is touched. Its rules are replaced in one transaction; the chain `published` stands empty
 * for who publishes ports, who may add further chains, sets and maps to the table: only the chains below are flushed.
 *
 *     table inet wherry {
 *       chain published {}                            # accepts what is published
 *       chain masquerading {                          # for each network
 *         ip saddr 172.17.0.0/16 oifname != "wherry0" masquerade
 *       }
 *       chain networks {
 *         oifname "wherry0" ct state established,related accept
 *         iifname "wherry0" oifname "wherry0" accept  # icc false: drop. Internal: drop what is left from and to it
 *         jump published
 *         oifname "wherry0" drop                      # nothing from outside, nothing from other networks
 *         iifname "wherry0" accept
 *       }
 *       chain postrouting { type nat hook postrouting priority srcnat; policy accept; jump masquerading }
 *       chain forward { type filter hook forward priority filter; policy accept; jump networks }
 *     }
 */
export interface Firewall {
  readonly table: string;
  readonly networks: readonly BridgeNetwork[];
}

const PRIORITY_FILTER = 0;
const PRIORITY_SRCNAT = 100;
/** Where rules stand that accept what is published. */
export const PUBLISHED_CHAIN = 'published';

/** One table a daemon, so that daemons side by side do not collide: `wherry` for `wherry0`, else `wherry-<bridge>`. */
export const tableName = (bridgeName: string): string =>
  bridgeName === 'wherry0' ? 'wherry' : `wherry-${bridgeName}`;

/** Puts the rules in place of those of before, at once; no packet sees a state between. */
export function putFirewall(netfilter: NetlinkConnection, firewall: Firewall): void {
  netfilter.batch([beginning, ...skeleton(firewall.table), ...rules(firewall), ending]);
}

/** Nothing if there is no table. */
export function removeFirewall(netfilter: NetlinkConnection, table: string): void {
  // Added first, so that there is one to delete.
  netfilter.batch([
    beginning,
    { action: `add nftables table "${table}"`, message: addTable(table) },
    { action: `delete nftables table "${table}"`, message: deleteTable(table) },
    ending,
  ]);
}

const beginning: NetlinkRequest = { action: 'begin a batch of nftables rules', message: batchBegin() };
const ending: NetlinkRequest = { action: 'commit the nftables rules', message: batchEnd() };

const OWN_CHAINS = ['masquerading', 'networks', 'postrouting', 'forward'] as const;

/** Table and chains, and those of ours without rules. */
function skeleton(table: string): NetlinkRequest[] {
  const regular = [PUBLISHED_CHAIN, 'masquerading', 'networks'].map((name) => ({
    action: `add nftables chain "${table} ${name}"`,
    message: addChain(table, name),
  }));
  const based = [
    { name: 'postrouting', type: 'nat', priority: PRIORITY_SRCNAT },
    { name: 'forward', type: 'filter', priority: PRIORITY_FILTER },
  ] as const;
  return [
    { action: `add nftables table "${table}"`, message: addTable(table) },
    ...regular,
    ...based.map((chain) => ({
      action: `add nftables chain "${table} ${chain.name}"`,
      message: addBaseChain({ table, hook: chain.name, ...chain }),
    })),
    ...OWN_CHAINS.map((name) => ({
      action: `flush nftables chain "${table} ${name}"`,
      message: flushChain(table, name),
    })),
  ];
}

function rules({ table, networks }: Firewall): NetlinkRequest[] {
  const byChain: Record<(typeof OWN_CHAINS)[number], readonly (readonly Buffer[])[]> = {
    masquerading: networks.flatMap(masqueradeRules),
    networks: [
      ...networks.flatMap(innerRules),
      jump(PUBLISHED_CHAIN),
      ...networks.map(({ bridgeName }) => [...interfaceIs('oifname', '==', bridgeName), ...verdict('drop')]),
      ...networks.map(({ bridgeName }) => [
        ...interfaceIs('iifname', '==', bridgeName),
        ...verdict('accept'),
      ]),
    ],
    postrouting: [jump('masquerading')],
    forward: [jump('networks')],
  };
  return OWN_CHAINS.flatMap((chain) =>
    byChain[chain].map((expressions, index) => ({
      action: `add rule ${index + 1} to nftables chain "${table} ${chain}"`,
      message: addRule(table, chain, expressions),
    })),
  );
}

function masqueradeRules(network: BridgeNetwork): (readonly Buffer[])[] {
  if (network.internal) return [];
  return network.masqueraded.map((text) => {
    const { subnet } = parseCidr(text);
    const source = sourceIn(bytesOf({ family: subnet.family, value: subnet.network }), subnet.prefixLength);
    return [...source, ...interfaceIs('oifname', '!=', network.bridgeName), ...masquerade()];
  });
}

function innerRules({
  bridgeName,
  icc,
  internal,
  gatewayMode4,
  gatewayMode6,
}: BridgeNetwork): (readonly Buffer[])[] {
  const from = interfaceIs('iifname', '==', bridgeName);
  const to = interfaceIs('oifname', '==', bridgeName);
  const within = [...from, ...to, ...verdict(icc ? 'accept' : 'drop')];
  if (internal) return [within, [...from, ...verdict('drop')], [...to, ...verdict('drop')]];
  const open = gatewayMode4 === 'nat-unprotected' || gatewayMode6 === 'nat-unprotected';
  return [
    [...to, ...isEstablished(), ...verdict('accept')],
    within,
    ...(open ? [[...to, ...verdict('accept')]] : []),
  ];
}
