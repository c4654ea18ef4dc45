import type { NetlinkRequest } from '../../../native/netlink/connection.ts';
import { fields, interfaceBytes, portBytes } from '../../../native/netlink/nftables-maps.ts';
import {
  addToSet,
  deleteFromSet,
  type NamedSet,
  type SetElement,
} from '../../../native/netlink/nftables-sets.ts';
import { inFamily } from '../../../native/netlink/nftables.ts';
import { bytesOf, parseAddress, type Family } from '../networks/subnet.ts';
import { boxesOf, type Box } from './boxes.ts';
import type { Egress } from './contract.ts';
import { egressSets, type SetName } from './rules.ts';

/** A port of a bridge whose container has an egress list. */
export interface ConfinedPort {
  readonly hostInterface: string;
  readonly bridgeName: string;
  readonly macAddress: string;
  /** All that it may send from, but for the link-local one that its MAC address makes. */
  readonly addresses: readonly string[];
  readonly egress: Egress;
}

/** Of both tables, in which rules.ts made the sets. Pure. */
export const addConfined = (table: string, ports: readonly ConfinedPort[]): NetlinkRequest[] =>
  requestsOf(table, elementsOf(ports), addToSet);

export const deleteConfined = (table: string, ports: readonly ConfinedPort[]): NetlinkRequest[] =>
  requestsOf(table, elementsOf(ports), deleteFromSet);

/** What ICMP answers with: echo replies and errors; and what neighbours say to find one another. */
const DISCOVERY = [131, 132, 133, 135, 136, 143].map((type) => [58, type] as const);
const REPLIES = [
  ...[0, 3, 11, 12].map((type) => [1, type] as const),
  ...[1, 2, 3, 4, 129].map((type) => [58, type] as const),
  ...DISCOVERY,
];

/** Elements that stand whatever containers there are. */
export function constantElements(table: string, family: 'inet' | 'bridge'): NetlinkRequest[] {
  const pairs = family === 'inet' ? DISCOVERY : REPLIES;
  const name = family === 'inet' ? 'inet/discovery' : 'bridge/replies';
  const elements = pairs.map(([protocol, type]) => ({
    key: fields(Buffer.of(protocol), Buffer.of(type)),
  }));
  return requestsOf(table, new Map([[name, elements]]), addToSet);
}

type Elements = ReadonlyMap<SetName, readonly SetElement[]>;

function requestsOf(table: string, elements: Elements, change: typeof addToSet): NetlinkRequest[] {
  return [...elements].flatMap(([path, list]) => {
    const [family, name = ''] = path.split('/');
    const sets: Readonly<Record<string, Pick<NamedSet, 'key' | 'kind'>>> =
      family === 'inet' ? egressSets.inet : egressSets.bridge;
    const set = sets[name];
    if (set === undefined || list.length === 0) return [];
    const action = `change nftables set "${family} ${table} ${name}"`;
    return change({ table, name, ...set }, list).map((message) => ({
      action,
      message: family === 'inet' ? message : inFamily('bridge', message),
    }));
  });
}

function elementsOf(ports: readonly ConfinedPort[]): Elements {
  const elements = new Map<SetName, SetElement[]>();
  const add = (name: SetName, ...more: SetElement[]): void => {
    const list = elements.get(name);
    if (list === undefined) elements.set(name, more);
    else list.push(...more);
  };
  for (const port of ports) {
    const [name, bridge, mac] = [
      interfaceBytes(port.hostInterface),
      interfaceBytes(port.bridgeName),
      macBytes(port.macAddress),
    ];
    add('bridge/listed', { key: name });
    add('bridge/macs', { key: fields(name, mac) });
    for (const { family, bytes } of sourcesOf(port)) {
      add(`bridge/sources${family}`, { key: fields(name, mac, bytes) });
      add(`inet/confined${family}`, { key: fields(bridge, bytes) });
      const allowed = boxesOf(port.egress.rules, family).map((box) => rangeOf(bytes, box, family));
      add(`inet/allowed${family}`, ...allowed);
      add(`bridge/allowed${family}`, ...allowed);
    }
  }
  return elements;
}

function sourcesOf({ addresses, macAddress }: ConfinedPort): { family: Family; bytes: Uint8Array }[] {
  const own = addresses.map((text) => {
    const address = parseAddress(text);
    return { family: address.family, bytes: bytesOf(address) };
  });
  if (!own.some(({ family }) => family === 6)) return own;
  return [...own, { family: 6, bytes: linkLocalOf(macBytes(macAddress)) }];
}

const rangeOf = (source: Uint8Array, { addresses, protocols, ports }: Box, family: Family): SetElement => {
  const corner = (end: 'first' | 'last'): Buffer =>
    fields(
      source,
      bytesOf({ family, value: addresses[end] }),
      Buffer.of(protocols[end]),
      portBytes(ports[end]),
    );
  return { key: corner('first'), end: corner('last') };
};

const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(/[:-]/g, ''), 'hex');

/** RFC 4291, appendix A: fe80:: and the modified EUI-64. */
function linkLocalOf(mac: Buffer): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.set([0xfe, 0x80], 0);
  bytes.set(mac.subarray(0, 3), 8);
  bytes.set([0xff, 0xfe], 11);
  bytes.set(mac.subarray(3), 13);
  bytes[8] = (bytes[8] ?? 0) ^ 2;
  return bytes;
}
