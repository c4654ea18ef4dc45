import type { NetlinkRequest } from '../../../native/netlink/connection.ts';
import { jump, verdict } from '../../../native/netlink/nftables-expressions.ts';
import {
  isEther,
  isIn,
  isLaterFragment,
  isNoBeginning,
  isNotIn,
  isOfFamily,
  isRelated,
  isReply,
  learn,
  partIs,
} from '../../../native/netlink/nftables-lookup.ts';
import { addSet, flushSet, type NamedSet } from '../../../native/netlink/nftables-sets.ts';
import {
  addBaseChain,
  addChain,
  addRule,
  addTable,
  deleteTable,
  flushChain,
  inFamily,
  type BaseChain,
} from '../../../native/netlink/nftables.ts';

/**
 * What holds containers to their egress lists: two tables, whose sets have the containers (elements.ts), so that their number costs no
 * packet anything.
 *
 * What the host is sent, or forwards, in the networks' own table. Before all translation, so that destinations are those that the
 * container named, and by the direction of the connection, so that no answer is asked for and nothing lives on that is not allowed:
 *
 *     table inet wherry {
 *       chain egress { type filter hook prerouting priority -150; iifname . ip saddr @confined4 jump confined; ... }
 *       chain confined {
 *         ct direction reply accept
 *         meta l4proto icmp ct state related accept        # errors
 *         meta l4proto . icmpv6 type @discovery accept     # neighbours
 *         ip saddr . ip daddr . meta l4proto . th dport @allowed4 accept; ...
 *         drop
 *       }
 *     }
 *
 * What passes a bridge, which not every kernel tracks, in a table of the family bridge, which stands while some container has a list.
 * It also holds each port to its own addresses: a container is known above by its address, which it can't change.
 *
 *     table bridge wherry {
 *       chain guard { type filter hook prerouting priority -300; iifname @listed jump source }
 *       chain source { only the port's own MAC and addresses, in ARP and neighbour discovery too; IPv4, IPv6 and ARP; drop }
 *       chain forward { type filter hook forward priority 0; iifname @listed jump bridged }
 *       chain learn { type filter hook forward priority 1; oifname @listed udp, sctp: update @answers4 { ... } }
 *       chain bridged {
 *         arp; what begins no tcp connection; answers to errors and questions; @answers4; @allowed4: accept
 *         drop
 *       }
 *     }
 */
const PRIORITY_BEFORE_DSTNAT = -150;
const PRIORITY_FIRST = -300;
const ANSWERS = { timeoutMs: 180_000, size: 65_536 } as const;

/** Of confined containers and of bridges. */
export const egressSets = {
  inet: {
    confined4: { key: ['interface', 'address4'], kind: 'plain' },
    confined6: { key: ['interface', 'address6'], kind: 'plain' },
    discovery: { key: ['protocol', 'protocol'], kind: 'plain' },
    allowed4: { key: ['address4', 'address4', 'protocol', 'port'], kind: 'ranges' },
    allowed6: { key: ['address6', 'address6', 'protocol', 'port'], kind: 'ranges' },
  },
  bridge: {
    listed: { key: ['interface'], kind: 'plain' },
    macs: { key: ['interface', 'ether'], kind: 'plain' },
    sources4: { key: ['interface', 'ether', 'address4'], kind: 'plain' },
    sources6: { key: ['interface', 'ether', 'address6'], kind: 'plain' },
    replies: { key: ['protocol', 'protocol'], kind: 'plain' },
    allowed4: { key: ['address4', 'address4', 'protocol', 'port'], kind: 'ranges' },
    allowed6: { key: ['address6', 'address6', 'protocol', 'port'], kind: 'ranges' },
    answers4: { key: ['address4', 'address4', 'protocol', 'port', 'port'], kind: ANSWERS },
    answers6: { key: ['address6', 'address6', 'protocol', 'port', 'port'], kind: ANSWERS },
  },
} as const satisfies Record<string, Record<string, Pick<NamedSet, 'key' | 'kind'>>>;

export type SetName = `inet/${keyof typeof egressSets.inet}` | `bridge/${keyof typeof egressSets.bridge}`;

const accept = verdict('accept');
const drop = verdict('drop');
const FAMILIES = [4, 6] as const;
const ETHER = { 4: 'ip', 6: 'ip6' } as const;
const byte = (value: number): Buffer => Buffer.of(value);
const [ICMP, TCP, UDP, ICMP6, SCTP] = [byte(1), byte(6), byte(17), byte(58), byte(132)];
const [ADVERTISE_ROUTER, SOLICIT, ADVERTISE, REPORT] = [byte(134), byte(135), byte(136), byte(143)];
const NOWHERE6 = Buffer.alloc(16);

type Rules = readonly (readonly Buffer[])[];

const INET_RULES: Readonly<Record<'egress' | 'confined', Rules>> = {
  egress: FAMILIES.map((family) => [
    ...isOfFamily(family),
    ...isIn(`confined${family}`, 'iifname', `source${family}`),
    ...jump('confined'),
  ]),
  confined: [
    [...isReply(), ...accept],
    ...[ICMP, ICMP6].map((protocol) => [...partIs('protocol', protocol), ...isRelated(), ...accept]),
    [...isOfFamily(6), ...isIn('discovery', 'protocol', 'icmpType'), ...accept],
    ...FAMILIES.map((family) => [
      ...isOfFamily(family),
      ...isIn(`allowed${family}`, `source${family}`, `destination${family}`, 'protocol', 'port'),
      ...accept,
    ]),
    drop,
  ],
};

const sourceRules: Rules = [
  [
    ...isEther('arp'),
    ...isIn('sources4', 'iifname', 'arpEther', 'arpSource'),
    ...isIn('sources4', 'iifname', 'etherSource', 'arpSource'),
    ...accept,
  ],
  [...isEther('ip'), ...isIn('sources4', 'iifname', 'etherSource', 'source4'), ...accept],
  [...isEther('ip6'), ...partIs('protocol', ICMP6), ...partIs('icmpType', ADVERTISE_ROUTER), ...drop],
  [
    ...isEther('ip6'),
    ...partIs('protocol', ICMP6),
    ...partIs('icmpType', ADVERTISE),
    ...isNotIn('sources6', 'iifname', 'etherSource', 'neighbour'),
    ...drop,
  ],
  [...isEther('ip6'), ...isIn('sources6', 'iifname', 'etherSource', 'source6'), ...accept],
  // Whether an address is free is asked by nobody.
  ...[SOLICIT, REPORT].map((type) => [
    ...isEther('ip6'),
    ...partIs('source6', NOWHERE6),
    ...isIn('macs', 'iifname', 'etherSource'),
    ...partIs('protocol', ICMP6),
    ...partIs('icmpType', type),
    ...accept,
  ]),
  drop,
];

const bridgedRules: Rules = [
  [...isEther('arp'), ...accept],
  [...partIs('protocol', TCP), ...isNoBeginning(), ...accept],
  [...isIn('replies', 'protocol', 'icmpType'), ...accept],
  ...FAMILIES.flatMap((family) => [
    [...isEther(ETHER[family]), ...isLaterFragment(family), ...accept],
    [
      ...isEther(ETHER[family]),
      ...isIn(
        `answers${family}`,
        `source${family}`,
        `destination${family}`,
        'protocol',
        'sourcePort',
        'port',
      ),
      ...accept,
    ],
    [
      ...isEther(ETHER[family]),
      ...isIn(`allowed${family}`, `source${family}`, `destination${family}`, 'protocol', 'port'),
      ...accept,
    ],
  ]),
  drop,
];

const BRIDGE_RULES: Readonly<Record<'source' | 'bridged' | 'guard' | 'forward' | 'learn', Rules>> = {
  source: sourceRules,
  bridged: bridgedRules,
  guard: [[...isIn('listed', 'iifname'), ...jump('source')]],
  forward: [[...isIn('listed', 'iifname'), ...jump('bridged')]],
  learn: FAMILIES.flatMap((family) =>
    [UDP, SCTP].map((protocol) => [
      ...isIn('listed', 'oifname'),
      ...isEther(ETHER[family]),
      ...partIs('protocol', protocol),
      ...learn(
        `answers${family}`,
        `destination${family}`,
        `source${family}`,
        'protocol',
        'port',
        'sourcePort',
      ),
    ]),
  ),
};

const INET_BASES = [
  { name: 'egress', type: 'filter', hook: 'prerouting', priority: PRIORITY_BEFORE_DSTNAT },
] as const satisfies readonly Omit<BaseChain, 'table'>[];
const BRIDGE_BASES = [
  { name: 'guard', type: 'filter', hook: 'prerouting', priority: PRIORITY_FIRST },
  { name: 'forward', type: 'filter', hook: 'forward', priority: 0 },
  { name: 'learn', type: 'filter', hook: 'forward', priority: 1 },
] as const satisfies readonly Omit<BaseChain, 'table'>[];

export const EGRESS_CHAINS = Object.keys(INET_RULES);
export const BRIDGE_CHAINS = Object.keys(BRIDGE_RULES);

/** Chains, sets without elements, and rules, in place of those that were there. */
export function egressSkeleton(table: string): NetlinkRequest[] {
  const chains = Object.keys(INET_RULES);
  const sets = setsOf(table, egressSets.inet);
  return [
    request(`add nftables table "${table}"`, addTable(table)),
    request(`add nftables chain "${table} confined"`, addChain(table, 'confined')),
    ...basesOf(table, INET_BASES),
    ...chains.map((name) => request(`flush nftables chain "${table} ${name}"`, flushChain(table, name))),
    ...addSets(sets),
    ...sets.map((set) => request(`flush nftables set "${table} ${set.name}"`, flushSet(set))),
    ...rulesOf(table, INET_RULES),
  ];
}

/** The same of the bridges' table, which only stands if `wanted`. */
export function bridgeSkeleton(table: string, wanted: boolean): NetlinkRequest[] {
  const add = request(`add nftables table "bridge ${table}"`, addTable(table));
  const requests = [add, request(`delete nftables table "bridge ${table}"`, deleteTable(table))];
  if (wanted) {
    requests.push(
      add,
      ...['source', 'bridged'].map((name) =>
        request(`add nftables chain "bridge ${table} ${name}"`, addChain(table, name)),
      ),
      ...basesOf(table, BRIDGE_BASES),
      ...addSets(setsOf(table, egressSets.bridge)),
      ...rulesOf(table, BRIDGE_RULES),
    );
  }
  return requests.map(({ action, message }) => ({
    action,
    message: inFamily('bridge', Buffer.from(message)),
  }));
}

const request = (action: string, message: Uint8Array): NetlinkRequest => ({ action, message });

const setsOf = (table: string, sets: Readonly<Record<string, Pick<NamedSet, 'key' | 'kind'>>>): NamedSet[] =>
  Object.entries(sets).map(([name, set]) => ({ table, name, ...set }));

const FIRST_ID = 1_000;

const addSets = (sets: readonly NamedSet[]): NetlinkRequest[] =>
  sets.map((set, index) =>
    request(`add nftables set "${set.table} ${set.name}"`, addSet(set, FIRST_ID + index)),
  );

const basesOf = (table: string, bases: readonly Omit<BaseChain, 'table'>[]): NetlinkRequest[] =>
  bases.map((base) =>
    request(`add nftables chain "${table} ${base.name}"`, addBaseChain({ table, ...base })),
  );

const rulesOf = (table: string, chains: Readonly<Record<string, Rules>>): NetlinkRequest[] =>
  Object.entries(chains).flatMap(([chain, rules]) =>
    rules.map((expressions, index) =>
      request(
        `add rule ${index + 1} to nftables chain "${table} ${chain}"`,
        addRule(table, chain, expressions),
      ),
    ),
  );
