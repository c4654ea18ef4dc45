import { internal } from '../../../common/errors.ts';
import { addAddress } from '../../../native/netlink/address.ts';
import {
  connectNetlink,
  type NetlinkConnection,
  type NetlinkRequest,
} from '../../../native/netlink/connection.ts';
import { createVethPair, deleteLink, shapeEnd } from '../../../native/netlink/link.ts';
import { isMarked, isNew, sendCopy, setMark } from '../../../native/netlink/nftables-dup.ts';
import { interfaceIs, verdict } from '../../../native/netlink/nftables-expressions.ts';
import { lookUp } from '../../../native/netlink/nftables-nat.ts';
import { addBaseChain, addRule, addTable, deleteTable, inFamily } from '../../../native/netlink/nftables.ts';
import { setSysctlNow } from '../../../native/sys/netns.ts';
import { listLinks } from '../networks/bridge.ts';
import { bytesOf, parseAddress } from '../networks/subnet.ts';

/**
 * The daemon option `firewall: respect-host`: published ports are subject to the host's own input policy. A packet that begins a
 * connection is not translated when it comes in, so it goes through the host's input chains as if the host itself served the
 * port. Behind all of them stands our chain `admission`: what came so far was accepted. A copy of the packet is sent into one end
 * of a pair of links and comes in once more by the other, where it is translated; the packet itself is dropped. All further
 * packets find the connection in the kernel's table. So no process and no delay, and the source address stays.
 *
 *     table inet wherry {
 *       chain prerouting { ... iifname "wherry0-in" jump publishing }
 *       chain admission { type filter hook input priority 289; iifname != "wherry0-in" ct state new <key> @any4 meta mark set M; ... }
 *     }
 *     table ip wherry {                          # `dup` is not known to the family inet
 *       chain admission { type filter hook input priority 290; meta mark M dup to 192.0.0.9 device "wherry0-out" drop }
 *     }
 *
 * Connections that are established live on when the host's policy changes, as they do behind other firewalls. What the host itself
 * sends is translated as ever.
 */
export interface Admission {
  /** Where copies come in again. */
  readonly inName: string;
  /** By which they are sent. */
  readonly outIndex: number;
}

export const ADMISSION_PRIORITY = 289;
const MARK = 0x7765_7279;
/** Of both ends, so that what one sends is for the other: there is no neighbour to ask. */
const MAC = '02:42:00:00:00:01';
/** The IPv4 dummy address (RFC 7600), and one beside it: reverse path checks want a link with an address. */
const ADDRESS = '192.0.0.8';
const NEIGHBOURS = { ip: '192.0.0.9', ip6: 'fe80::1' } as const;
const MTU = 65_535;
const NAME_BYTES = 11;

const namesOf = (bridgeName: string): { readonly outName: string; readonly inName: string } => {
  const name = bridgeName.slice(0, NAME_BYTES);
  return { outName: `${name}-out`, inName: `${name}-in` };
};

/** Makes the pair, or what it lacks. Synchronous: for the daemon's start. */
export function makeAdmission(bridgeName: string): Admission {
  const { outName, inName } = namesOf(bridgeName);
  using route = connectNetlink('route');
  const peer = { name: inName, index: 0, macAddress: MAC };
  route.execute({
    action: `create the pair of links "${outName}" and "${inName}"`,
    message: createVethPair({ host: outName, peer, mtu: MTU }, process.pid),
    ignore: ['EEXIST'],
  });
  const [outIndex, inIndex] = [indexOf(route, outName), indexOf(route, inName)];
  if (outIndex === undefined || inIndex === undefined)
    throw internal(`Cannot create the pair of links "${outName}" and "${inName}"`);
  for (const index of [inIndex, outIndex])
    route.execute({ action: `raise link ${index}`, message: shapeEnd({ index, macAddress: MAC }) });
  route.execute({
    action: `add address ${ADDRESS} to "${inName}"`,
    message: addAddress({ linkIndex: inIndex, address: ADDRESS, prefixLength: 32 }),
    ignore: ['EEXIST'],
  });
  // The source is anywhere, which a strict check would refuse on a link of one address; a host's strict default counts unless 2.
  setSysctlNow(`/proc/sys/net/ipv4/conf/${inName}/rp_filter`, '2');
  return { inName, outIndex };
}

/** Nothing if there is none. */
export function removeAdmission(bridgeName: string): void {
  using route = connectNetlink('route');
  const { outName } = namesOf(bridgeName);
  const index = indexOf(route, outName);
  if (index === undefined) return;
  route.execute({ action: `delete "${outName}"`, message: deleteLink(index), ignore: ['ENODEV'] });
}

const indexOf = (route: NetlinkConnection, wanted: string): number | undefined =>
  listLinks(route).find(({ name, kind }) => name === wanted && kind === 'veth')?.index;

/** Of chain `admission` of the family inet: marks what was accepted and begins a connection to a published port. */
export const admissionRules = ({ inName }: Admission): (readonly Buffer[])[] =>
  ([4, 6] as const).flatMap((family) =>
    [true, false].map((address) => [
      ...interfaceIs('iifname', '!=', inName),
      ...isNew(),
      ...lookUp(`${address ? 'at' : 'any'}${family}`, { family, address }),
      ...setMark(MARK),
    ]),
  );

/** The tables of the families ip and ip6, in place of those that were there; without an admission they go. */
export function copyingTables(table: string, admission: Admission | undefined): NetlinkRequest[] {
  return (['ip', 'ip6'] as const).flatMap((family) => {
    const request = (action: string, message: Buffer): NetlinkRequest => ({
      action: `${action} "${table}" of the family ${family}`,
      message: inFamily(family, message),
    });
    const cleared = [
      request('add nftables table', addTable(table)),
      request('delete nftables table', deleteTable(table)),
    ];
    if (admission === undefined) return cleared;
    const neighbour = bytesOf(parseAddress(NEIGHBOURS[family]));
    const name = 'admission';
    const hook = { hook: 'input', type: 'filter', priority: ADMISSION_PRIORITY + 1 } as const;
    const rule = [...isMarked(MARK), ...sendCopy(neighbour, admission.outIndex), ...verdict('drop')];
    return [
      ...cleared,
      request('add nftables table', addTable(table)),
      request('add a chain to nftables table', addBaseChain({ table, name, ...hook })),
      request('add a rule to nftables table', addRule(table, name, rule)),
    ];
  });
}
