import type { NetlinkRequest } from '../../../native/netlink/connection.ts';
import {
  interfaceIs,
  jump,
  masquerade,
  sourceIn,
  verdict,
} from '../../../native/netlink/nftables-expressions.ts';
import {
  addElements,
  addMap,
  deleteElements,
  fields,
  flushMap,
  portBytes,
  type Field,
  type MapElement,
  type TranslationMap,
} from '../../../native/netlink/nftables-maps.ts';
import { isIn, isOfFamily } from '../../../native/netlink/nftables-lookup.ts';
import {
  isForLoopback,
  isTranslated,
  lookUpAnywhere,
  translate,
} from '../../../native/netlink/nftables-nat.ts';
import {
  addBaseChain,
  addChain,
  addRule,
  addTable,
  batchBegin,
  batchEnd,
  flushChain,
} from '../../../native/netlink/nftables.ts';
import { PUBLISHED_CHAIN } from '../networks/firewall.ts';
import { bytesOf, parseAddress } from '../networks/subnet.ts';
import { ADMISSION_PRIORITY, admissionRules, type Admission } from './admission.ts';
import { ROUTED, type Protocol, type PublishedPort } from './contract.ts';

/**
 * What publishes ports, in the networks' table. A port is an element of a map, so their number costs no packet anything.
 *
 *     map any4 { type inet_proto . inet_service : ipv4_addr . inet_service }               # published on every address
 *     map at4 { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service }    # on one; any6, at6 likewise
 *     chain publishing { fib daddr type local dnat ip to meta l4proto . ip daddr . th dport map @at4; ... }
 *     chain loopback { type filter hook prerouting priority raw; iifname != "lo" ip daddr 127.0.0.0/8 drop }
 *     chain prerouting, output { type nat hook ... priority dstnat; jump publishing }
 *     chain published { ct status dnat accept; meta l4proto . ip daddr . th dport @open4 accept; ... }   # open: of routed networks
 *     chain returning {                                    # to a neighbour, or from the host's loopback: answers come back by us
 *       type nat hook postrouting priority srcnat
 *       ip saddr . oifname @own4 ct status dnat masquerade              # sets of the networks' firewall
 *       ip saddr 127.0.0.0/8 oifname @bridges masquerade
 *     }
 *
 * `loopback` stands before the translation: a neighbour on the wire could send packets for 127.0.0.1, which the kernel drops only
 * after it has translated them; and containers could reach the loopback of a host whose bridge has route_localnet.
 */
const PRIORITY_RAW = -300;
const PRIORITY_DSTNAT = -100;
const PRIORITY_SRCNAT = 100;
export const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
const ANY = { 4: '0.0.0.0', 6: '::' } as const;

type MapName = 'any4' | 'at4' | 'open4' | 'any6' | 'at6' | 'open6';
const MAPS: Readonly<Record<MapName, { readonly key: readonly Field[]; readonly value: readonly Field[] }>> =
  {
    any4: { key: ['protocol', 'port'], value: ['address4', 'port'] },
    at4: { key: ['protocol', 'address4', 'port'], value: ['address4', 'port'] },
    open4: { key: ['protocol', 'address4', 'port'], value: ['address4', 'port'] },
    any6: { key: ['protocol', 'port'], value: ['address6', 'port'] },
    at6: { key: ['protocol', 'address6', 'port'], value: ['address6', 'port'] },
    open6: { key: ['protocol', 'address6', 'port'], value: ['address6', 'port'] },
  };
const MAP_NAMES = Object.keys(MAPS) as MapName[];
const mapOf = (table: string, name: MapName): TranslationMap => ({ table, name, ...MAPS[name] });

const BASES = [
  { name: 'loopback', type: 'filter', hook: 'prerouting', priority: PRIORITY_RAW },
  { name: 'prerouting', type: 'nat', hook: 'prerouting', priority: PRIORITY_DSTNAT },
  { name: 'output', type: 'nat', hook: 'output', priority: PRIORITY_DSTNAT },
  { name: 'admission', type: 'filter', hook: 'input', priority: ADMISSION_PRIORITY },
  { name: 'returning', type: 'nat', hook: 'postrouting', priority: PRIORITY_SRCNAT },
] as const;
/** Of them and of the networks' firewall: those that have rules whatever networks there are. */
export const LASTING_CHAINS = [
  'networks',
  'postrouting',
  'forward',
  'publishing',
  'loopback',
  'prerouting',
  'output',
];
export const PORT_CHAINS = ['publishing', PUBLISHED_CHAIN, ...BASES.map(({ name }) => name)] as const;

const request = (action: string, message: Uint8Array): NetlinkRequest => ({ action, message });

/** All of these at once, or none. */
export const batchOf = (requests: readonly NetlinkRequest[]): NetlinkRequest[] => [
  request('begin a batch of nftables rules', batchBegin()),
  ...requests,
  request('commit the nftables rules', batchEnd()),
];

/** Chains, maps and rules, in place of those that were there; the maps keep what they hold. */
export function skeleton(table: string, admission: Admission | undefined): NetlinkRequest[] {
  const arriving = admission === undefined ? [] : interfaceIs('iifname', '==', admission.inName);
  const rules: Readonly<Record<(typeof PORT_CHAINS)[number], readonly (readonly Buffer[])[]>> = {
    publishing: [
      translate('at4', { family: 4, address: true }),
      translate('any4', { family: 4, address: false }),
      translate('at6', { family: 6, address: true }),
      translate('any6', { family: 6, address: false }),
    ],
    [PUBLISHED_CHAIN]: [
      [...isTranslated(), ...verdict('accept')],
      ...([4, 6] as const).map((family) => [
        ...lookUpAnywhere(`open${family}`, { family, address: true }),
        ...verdict('accept'),
      ]),
    ],
    loopback: ([4, 6] as const).map((family) => [
      ...interfaceIs('iifname', '!=', 'lo'),
      ...isForLoopback(family),
      ...verdict('drop'),
    ]),
    prerouting: [[...arriving, ...jump('publishing')]],
    admission: admission === undefined ? [] : admissionRules(admission),
    output: [jump('publishing')],
    returning: RETURNING,
  };
  return [
    request(`add nftables table "${table}"`, addTable(table)),
    ...['publishing', PUBLISHED_CHAIN].map((name) =>
      request(`add nftables chain "${table} ${name}"`, addChain(table, name)),
    ),
    ...BASES.map((base) =>
      request(`add nftables chain "${table} ${base.name}"`, addBaseChain({ table, ...base })),
    ),
    ...PORT_CHAINS.map((name) => request(`flush nftables chain "${table} ${name}"`, flushChain(table, name))),
    ...MAP_NAMES.map((name, index) =>
      request(`add nftables map "${table} ${name}"`, addMap(mapOf(table, name), index + 1)),
    ),
    ...PORT_CHAINS.flatMap((chain) =>
      rules[chain].map((expressions, index) =>
        request(
          `add rule ${index + 1} to nftables chain "${table} ${chain}"`,
          addRule(table, chain, expressions),
        ),
      ),
    ),
  ];
}

/** By the networks' sets: neighbours that reach one another by the host, and what the host's loopback sends. */
const RETURNING = [
  ...([4, 6] as const).map((family) => [
    ...isOfFamily(family),
    ...isIn(`own${family}`, `source${family}`, 'oifname'),
    ...isTranslated(),
    ...masquerade(),
  ]),
  [...sourceIn(Buffer.of(127, 0, 0, 0), 8), ...isIn('bridges', 'oifname'), ...masquerade()],
];

/** Where translated packets go. '' where the container has no address of the family. */
export interface Target {
  readonly ipAddress: string;
  readonly ipv6Address: string;
}

export interface Translation {
  readonly target: Target;
  readonly ports: readonly PublishedPort[];
}

export const addTranslations = (table: string, translations: readonly Translation[]): NetlinkRequest[] =>
  eachMap(translations, (name, elements) =>
    addElements(mapOf(table, name), elements).map((message) =>
      request(`publish ports in nftables map "${table} ${name}"`, message),
    ),
  );

export const deleteTranslations = (table: string, translations: readonly Translation[]): NetlinkRequest[] =>
  eachMap(translations, (name, elements) =>
    deleteElements(mapOf(table, name), elements).map((message) =>
      request(`withdraw ports from nftables map "${table} ${name}"`, message),
    ),
  );

export const flushTranslations = (table: string): NetlinkRequest[] =>
  MAP_NAMES.map((name) => request(`flush nftables map "${table} ${name}"`, flushMap(mapOf(table, name))));

function eachMap(
  translations: readonly Translation[],
  make: (name: MapName, elements: readonly MapElement[]) => NetlinkRequest[],
): NetlinkRequest[] {
  const byMap = new Map<MapName, MapElement[]>();
  for (const { target, ports } of translations) {
    for (const port of ports) {
      const [name, element] = elementOf(target, port);
      const list = byMap.get(name);
      if (list === undefined) byMap.set(name, [element]);
      else list.push(element);
    }
  }
  return [...byMap].flatMap(([name, elements]) => make(name, elements));
}

function elementOf(
  target: Target,
  { protocol, hostIp, hostPort, containerPort }: PublishedPort,
): [MapName, MapElement] {
  const host = parseAddress(hostIp);
  const isOpen = hostPort === ROUTED;
  const isAny = !isOpen && hostIp === ANY[host.family];
  const to = bytesOf(parseAddress(host.family === 4 ? target.ipAddress : target.ipv6Address));
  const at = isOpen ? [to] : isAny ? [] : [bytesOf(host)];
  const port = portBytes(isOpen ? containerPort : hostPort);
  const key = [Buffer.of(PROTOCOL_NUMBERS[protocol]), ...at, port];
  const value = fields(to, portBytes(containerPort));
  return [`${isOpen ? 'open' : isAny ? 'any' : 'at'}${host.family}`, { key: fields(...key), value }];
}
