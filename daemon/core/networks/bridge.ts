import { randomBytes } from 'node:crypto';
import { conflict, internal } from '../../../common/errors.ts';
import {
  addAddress,
  deleteAddress,
  dumpAllAddresses,
  parseAddress as parseLinkAddress,
  type LinkAddress,
} from '../../../native/netlink/address.ts';
import type { NetlinkConnection } from '../../../native/netlink/connection.ts';
import { createBridge, dumpLinks, parseLink, raiseLink, type Link } from '../../../native/netlink/link.ts';
import { dumpRoutes, parseRoute } from '../../../native/netlink/route.ts';
import { addressText, cidrText, parseAddress, subnetOf, type Cidr, type Subnet } from './subnet.ts';

/** The bridge device and what the host has beside it. Synchronous: for the daemon's start. */
export const isPresent = <T>(value: T | undefined): value is T => value !== undefined;

export const listLinks = (route: NetlinkConnection): Link[] =>
  route.dump({ action: 'list network links', message: dumpLinks() }).map(parseLink).filter(isPresent);

const listAddresses = (route: NetlinkConnection): LinkAddress[] =>
  route
    .dump({ action: 'list addresses', message: dumpAllAddresses() })
    .map(parseLinkAddress)
    .filter(isPresent);

/** The first IPv4 address of a link. */
export function addressOfLink(route: NetlinkConnection, linkIndex: number): Cidr | undefined {
  const found = listAddresses(route).find(
    (address) => address.linkIndex === linkIndex && !address.address.includes(':'),
  );
  if (found === undefined) return undefined;
  const address = parseAddress(found.address);
  return { address, subnet: subnetOf(address, found.prefixLength) };
}

/** Networks that the host reaches by other links than these; the default route is none. */
export function networksBeside(route: NetlinkConnection, own: ReadonlySet<number>): Subnet[] {
  const addresses = listAddresses(route).map(({ address, ...rest }) => ({ destination: address, ...rest }));
  const routes = route
    .dump({ action: 'list routes', message: dumpRoutes() })
    .map(parseRoute)
    .filter(isPresent);
  return [...addresses, ...routes]
    .filter((entry) => entry.prefixLength > 0 && (entry.linkIndex === undefined || !own.has(entry.linkIndex)))
    .map((entry) => subnetOf(parseAddress(entry.destination), entry.prefixLength));
}

export interface BridgeDevice {
  readonly name: string;
  readonly mtu: number;
  /** Its own addresses: the gateways of the network's subnets. */
  readonly addresses: readonly Cidr[];
  /** An address of an earlier configuration, to be removed. */
  readonly before: Cidr | undefined;
}

/** The bridge of that name, undefined if there is none. Throws `conflict` when a link of another kind has the name. */
export function findBridge(route: NetlinkConnection, name: string): Link | undefined {
  const link = listLinks(route).find((candidate) => candidate.name === name);
  if (link !== undefined && link.kind !== 'bridge') {
    throw conflict(`Cannot use "${name}" as bridge: it is a ${link.kind ?? 'network device'}`);
  }
  return link;
}

/** Makes the bridge, or what it lacks, and returns its index. Idempotent. */
export function ensureBridge(route: NetlinkConnection, device: BridgeDevice): number {
  const { name, mtu, addresses, before } = device;
  const index = (findBridge(route, name) ?? makeBridge(route, name, mtu)).index;
  if (before !== undefined && !addresses.some((address) => cidrText(address) === cidrText(before))) {
    route.execute({
      action: `remove the former address of bridge "${name}"`,
      message: deleteAddress(linkAddress(index, before)),
      ignore: ['EADDRNOTAVAIL'],
    });
  }
  for (const address of addresses) {
    route.execute({
      action: `add address ${cidrText(address)} to bridge "${name}"`,
      message: addAddress(linkAddress(index, address)),
      ignore: ['EEXIST'],
    });
  }
  route.execute({ action: `raise bridge "${name}"`, message: raiseLink(index) });
  return index;
}

const linkAddress = (linkIndex: number, { address, subnet }: Cidr): LinkAddress => ({
  linkIndex,
  address: addressText(address),
  prefixLength: subnet.prefixLength,
});

function makeBridge(route: NetlinkConnection, name: string, mtu: number): Link {
  const macAddress = `02:42:${(randomBytes(4).toString('hex').match(/../g) ?? []).join(':')}`;
  route.execute({
    action: `create bridge "${name}"`,
    message: createBridge({ name, macAddress, mtu }),
    ignore: ['EEXIST'],
  });
  const made = findBridge(route, name);
  if (made === undefined) throw internal(`Cannot create bridge "${name}": it is gone again`);
  return made;
}
