import type { NetlinkConnection, NetlinkRequest } from '../../../native/netlink/connection.ts';
import { isEstablished, jump, masquerade, verdict } from '../../../native/netlink/nftables-expressions.ts';
import { isIn, isOfFamily } from '../../../native/netlink/nftables-lookup.ts';
import { fields, interfaceBytes } from '../../../native/netlink/nftables-maps.ts';
import {
  addSet,
  addToSet,
  flushSet,
  type NamedSet,
  type SetElement,
} from '../../../native/netlink/nftables-sets.ts';
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
import { bytesOf, holds, parseCidr, sizeOf } from './subnet.ts';

/**
 * The nftables table of all networks of a daemon. What it accepts, another table of the host may still drop; so the host's firewall
 * is respected, and none of its tables is touched. Networks are elements of sets, so their number costs no packet anything; all is
 * replaced in one transaction. The chain `published` stands empty for who publishes ports, who may add further chains, sets and maps
 * to the table: only the chains and sets below are flushed.
 *
 *     table inet wherry {
 *       set bridges { type ifname }                    # of networks that lead outside
 *       set within { type ifname . ifname }            # a bridge twice, where containers reach one another; apart: where not
 *       set own4 { type ipv4_addr . ifname; flags interval }              # subnets and their bridges
 *       set masqueraded4 { type ipv4_addr . inet_proto; flags interval }  # subnets that leave under the host's address
 *       chain published {}                             # accepts what is published
 *       chain masquerading {
 *         ip saddr . oifname @own4 accept
 *         ip saddr . meta l4proto @masqueraded4 masquerade
 *       }
 *       chain networks {
 *         oifname @bridges ct state established,related accept
 *         iifname . oifname @within accept
 *         iifname . oifname @apart drop
 *         iifname @internal drop
 *         oifname @internal drop
 *         oifname @open accept                         # nat-unprotected
 *         jump published
 *         oifname @bridges drop                        # nothing from outside, nothing from other networks
 *         iifname @bridges accept
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
export function putFirewall(netfilter: NetlinkConnection, { table, networks }: Firewall): void {
  netfilter.batch([beginning, ...skeleton(table), ...elements(table, networks), ending]);
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

const SETS = {
  bridges: { key: ['interface'], kind: 'plain' },
  internal: { key: ['interface'], kind: 'plain' },
  open: { key: ['interface'], kind: 'plain' },
  within: { key: ['interface', 'interface'], kind: 'plain' },
  apart: { key: ['interface', 'interface'], kind: 'plain' },
  own4: { key: ['address4', 'interface'], kind: 'ranges' },
  own6: { key: ['address6', 'interface'], kind: 'ranges' },
  masqueraded4: { key: ['address4', 'protocol'], kind: 'ranges' },
  masqueraded6: { key: ['address6', 'protocol'], kind: 'ranges' },
} as const satisfies Record<string, Pick<NamedSet, 'key' | 'kind'>>;
type SetName = keyof typeof SETS;

const FAMILIES = [4, 6] as const;
const accept = verdict('accept');
const drop = verdict('drop');

/** The chains that are flushed, with their rules. */
const RULES = {
  masquerading: FAMILIES.flatMap((family) => [
    [...isOfFamily(family), ...isIn(`own${family}`, `source${family}`, 'oifname'), ...accept],
    [...isOfFamily(family), ...isIn(`masqueraded${family}`, `source${family}`, 'protocol'), ...masquerade()],
  ]),
  networks: [
    [...isIn('bridges', 'oifname'), ...isEstablished(), ...accept],
    [...isIn('within', 'iifname', 'oifname'), ...accept],
    [...isIn('apart', 'iifname', 'oifname'), ...drop],
    [...isIn('internal', 'iifname'), ...drop],
    [...isIn('internal', 'oifname'), ...drop],
    [...isIn('open', 'oifname'), ...accept],
    jump(PUBLISHED_CHAIN),
    [...isIn('bridges', 'oifname'), ...drop],
    [...isIn('bridges', 'iifname'), ...accept],
  ],
  postrouting: [jump('masquerading')],
  forward: [jump('networks')],
} as const;

/** All of the table that are the networks'. */
export const FIREWALL_CHAINS = [PUBLISHED_CHAIN, ...Object.keys(RULES)];

const BASES = [
  { name: 'postrouting', type: 'nat', priority: PRIORITY_SRCNAT },
  { name: 'forward', type: 'filter', priority: PRIORITY_FILTER },
] as const;

/** Table, chains with their rules, and sets without elements. */
function skeleton(table: string): NetlinkRequest[] {
  const request = (action: string, message: Buffer): NetlinkRequest => ({ action, message });
  const sets = Object.entries(SETS).map(([name, set]) => ({ table, name, ...set }));
  return [
    request(`add nftables table "${table}"`, addTable(table)),
    ...[PUBLISHED_CHAIN, 'masquerading', 'networks'].map((name) =>
      request(`add nftables chain "${table} ${name}"`, addChain(table, name)),
    ),
    ...BASES.map((chain) =>
      request(
        `add nftables chain "${table} ${chain.name}"`,
        addBaseChain({ table, hook: chain.name, ...chain }),
      ),
    ),
    ...Object.keys(RULES).map((name) =>
      request(`flush nftables chain "${table} ${name}"`, flushChain(table, name)),
    ),
    ...sets.map((set, index) =>
      request(`add nftables set "${table} ${set.name}"`, addSet(set, FIRST_SET_ID + index)),
    ),
    ...sets.map((set) => request(`flush nftables set "${table} ${set.name}"`, flushSet(set))),
    ...Object.entries(RULES).flatMap(([chain, rules]) =>
      rules.map((expressions, index) =>
        request(
          `add rule ${index + 1} to nftables chain "${table} ${chain}"`,
          addRule(table, chain, expressions),
        ),
      ),
    ),
  ];
}

const FIRST_SET_ID = 2_000;

function elements(table: string, networks: readonly BridgeNetwork[]): NetlinkRequest[] {
  const bySet = new Map<SetName, SetElement[]>();
  const add = (name: SetName, ...more: readonly SetElement[]): void => {
    bySet.set(name, [...(bySet.get(name) ?? []), ...more]);
  };
  for (const network of networks) {
    const name = interfaceBytes(network.bridgeName);
    const isOpen = [network.gatewayMode4, network.gatewayMode6].includes('nat-unprotected');
    add(network.internal ? 'internal' : 'bridges', { key: name });
    add(network.icc ? 'within' : 'apart', { key: Buffer.concat([name, name]) });
    if (network.internal) continue;
    if (isOpen) add('open', { key: name });
    for (const text of network.subnets) add(...subnetElement('own', text, [name, name]));
  }
  const masqueraded = networks.flatMap((network) => (network.internal ? [] : network.masqueraded));
  for (const text of outermost(masqueraded)) add(...subnetElement('masqueraded', text, ALL_PROTOCOLS));
  return [...bySet].flatMap(([name, list]) =>
    addToSet({ table, name, ...SETS[name] }, list).map((message) => ({
      action: `add networks to nftables set "${table} ${name}"`,
      message,
    })),
  );
}

/** Without those that another holds: a set of ranges takes none that overlap. */
const outermost = (texts: readonly string[]): string[] => {
  const all = [...new Set(texts)].map((text) => ({ text, subnet: parseCidr(text).subnet }));
  return all
    .filter((inner) => !all.some((outer) => outer !== inner && holds(outer.subnet, inner.subnet)))
    .map(({ text }) => text);
};

const ALL_PROTOCOLS = [Buffer.of(0), Buffer.of(255)] as const;

function subnetElement(
  set: 'own' | 'masqueraded',
  text: string,
  [from, to]: readonly [Buffer, Buffer],
): [SetName, SetElement] {
  const { subnet } = parseCidr(text);
  const { family, network } = subnet;
  const last = network + sizeOf(subnet) - 1n;
  return [
    `${set}${family}`,
    {
      key: fields(bytesOf({ family, value: network }), from),
      end: fields(bytesOf({ family, value: last }), to),
    },
  ];
}
