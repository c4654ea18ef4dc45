import {
  attribute,
  message,
  nested,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  parseAttributes,
  text,
  textOf,
  u16,
  u32,
  type NetlinkMessage,
} from './message.ts';

/** Links of rtnetlink (man 7 rtnetlink; include/uapi/linux/if_link.h, veth.h). Pure. */
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_PID = 19;
const IFLA_EXT_MASK = 29;
const IFLA_NEW_IFINDEX = 49;
const RTEXT_FILTER_SKIP_STATS = 8;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_ISOLATED = 33;
const VETH_INFO_PEER = 1;
const IFF_UP = 1;
const IFF_NOARP = 0x80;
const IFINFOMSG_BYTES = 16;

/** Of the loopback in every network namespace. */
export const LOOPBACK_INDEX = 1;

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  /** `bridge`, `veth`; undefined for real devices. */
  readonly kind: string | undefined;
  /** Index of the bridge that it is a port of. */
  readonly master: number | undefined;
  readonly macAddress: string | undefined;
}

/** struct ifinfomsg. `up` sets the flag, undefined leaves it. */
function ifinfomsg(index: number, up?: boolean): Buffer {
  const bytes = Buffer.alloc(IFINFOMSG_BYTES);
  bytes.writeInt32LE(index, 4);
  if (up !== undefined) {
    bytes.writeUInt32LE(up ? IFF_UP : 0, 8);
    bytes.writeUInt32LE(IFF_UP, 12);
  }
  return bytes;
}

const mac = (address: string): Buffer => Buffer.from(address.replaceAll(':', ''), 'hex');
const macText = (bytes: Buffer): string => (bytes.toString('hex').match(/../g) ?? []).join(':');

/** Makes a bridge. A fixed address keeps it from taking on, and changing to, that of the lowest port. */
export const createBridge = (bridge: { name: string; macAddress: string; mtu: number }): Buffer =>
  message(
    RTM_NEWLINK,
    NLM_F_CREATE | NLM_F_EXCL,
    ifinfomsg(0),
    attribute(IFLA_ADDRESS, mac(bridge.macAddress)),
    attribute(IFLA_MTU, u32(bridge.mtu)),
    attribute(IFLA_IFNAME, text(bridge.name)),
    nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, Buffer.from('bridge'))),
  );

/** Raises one end of a pair that needs no address resolution: what is sent goes to its own hardware address, which both ends have. */
export const shapeEnd = ({ index, macAddress }: { index: number; macAddress: string }): Buffer => {
  const header = ifinfomsg(index);
  header.writeUInt32LE(IFF_UP | IFF_NOARP, 8);
  header.writeUInt32LE(IFF_UP | IFF_NOARP, 12);
  return message(RTM_NEWLINK, 0, header, attribute(IFLA_ADDRESS, mac(macAddress)));
};

export interface VethPair {
  /** In the network namespace of the socket. */
  readonly host: string;
  /** In the other one; it is created up. */
  readonly peer: {
    readonly name: string;
    /** Must be free there. */
    readonly index: number;
    readonly macAddress: string;
  };
  readonly mtu: number;
}

/** Where in `createVethPair`'s message the process id (int32) belongs in whose network namespace the peer appears. */
export const VETH_PID_OFFSET = 16 + IFINFOMSG_BYTES + 4;

/**
 * Makes both ends with one message: the one for the other namespace is the link proper, so that its index can be chosen (veth
 * ignores the index of a peer) and it may be created up; the host's end is what the kernel calls the peer.
 */
export const createVethPair = (pair: VethPair, pid = 0): Buffer =>
  message(
    RTM_NEWLINK,
    NLM_F_CREATE | NLM_F_EXCL,
    ifinfomsg(pair.peer.index, true),
    attribute(IFLA_NET_NS_PID, u32(pid)),
    attribute(IFLA_ADDRESS, mac(pair.peer.macAddress)),
    attribute(IFLA_MTU, u32(pair.mtu)),
    attribute(IFLA_IFNAME, text(pair.peer.name)),
    nested(
      IFLA_LINKINFO,
      attribute(IFLA_INFO_KIND, Buffer.from('veth')),
      nested(
        IFLA_INFO_DATA,
        attribute(
          VETH_INFO_PEER,
          Buffer.concat([
            ifinfomsg(0),
            attribute(IFLA_MTU, u32(pair.mtu)),
            attribute(IFLA_IFNAME, text(pair.host)),
          ]),
        ),
      ),
    ),
  );

export interface ParentedLink {
  readonly name: string;
  /** Must be free where it appears. */
  readonly index: number;
  readonly parentIndex: number;
  /** '' for ipvlan, which has its parent's. */
  readonly macAddress: string;
  readonly kind: 'macvlan' | 'ipvlan';
  /** Of macvlan: MACVLAN_MODES; of ipvlan: IPVLAN_MODES. */
  readonly mode: number;
}

export const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
export const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;
const IFLA_LINK = 5;
const IFLA_MACVLAN_MODE = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_VLAN_ID = 1;

/**
 * A macvlan or ipvlan device (Linux 3.9, 3.19) of a parent in the socket's network namespace, up in the one of the process whose id
 * is put at VETH_PID_OFFSET.
 */
export const createOnParent = (link: ParentedLink, pid = 0): Buffer =>
  message(
    RTM_NEWLINK,
    NLM_F_CREATE | NLM_F_EXCL,
    ifinfomsg(link.index, true),
    attribute(IFLA_NET_NS_PID, u32(pid)),
    attribute(IFLA_LINK, u32(link.parentIndex)),
    ...(link.macAddress === '' ? [] : [attribute(IFLA_ADDRESS, mac(link.macAddress))]),
    attribute(IFLA_IFNAME, text(link.name)),
    nested(
      IFLA_LINKINFO,
      attribute(IFLA_INFO_KIND, Buffer.from(link.kind)),
      nested(
        IFLA_INFO_DATA,
        link.kind === 'macvlan'
          ? attribute(IFLA_MACVLAN_MODE, u32(link.mode))
          : attribute(IFLA_IPVLAN_MODE, u16(link.mode)),
      ),
    ),
  );

/** `eth0.50` (Linux 2.6.24). */
export const createVlan = (vlan: { name: string; parentIndex: number; id: number }): Buffer =>
  message(
    RTM_NEWLINK,
    NLM_F_CREATE | NLM_F_EXCL,
    ifinfomsg(0, true),
    attribute(IFLA_LINK, u32(vlan.parentIndex)),
    attribute(IFLA_IFNAME, text(vlan.name)),
    nested(
      IFLA_LINKINFO,
      attribute(IFLA_INFO_KIND, Buffer.from('vlan')),
      nested(IFLA_INFO_DATA, attribute(IFLA_VLAN_ID, u16(vlan.id))),
    ),
  );

/** Makes a link, known by its name, a port of the bridge, and raises it. */
export const attachToBridge = (name: string, bridgeIndex: number): Buffer =>
  message(
    RTM_NEWLINK,
    0,
    ifinfomsg(0, true),
    attribute(IFLA_IFNAME, text(name)),
    attribute(IFLA_MASTER, u32(bridgeIndex)),
  );

/**
 * Asks for a link by name, without its statistics. The answer is of no interest: before it, the kernel brings the carrier's state
 * up to date (rtnl_getlink), which otherwise a work queue does some time later. Until then a bridge port forwards nothing, and what
 * a device is given to send is dropped.
 */
export const syncLink = (name: string): Buffer =>
  message(
    RTM_GETLINK,
    0,
    ifinfomsg(0),
    attribute(IFLA_EXT_MASK, u32(RTEXT_FILTER_SKIP_STATS)),
    attribute(IFLA_IFNAME, text(name)),
  );

/**
 * Two isolated ports of a bridge do not reach one another (Linux 4.18); one with `hairpin` gets back what it has sent, if it is meant
 * for it. It must be a port already.
 */
export const setPort = (
  name: string,
  { isolated, hairpin }: { isolated: boolean; hairpin: boolean },
): Buffer =>
  message(
    RTM_NEWLINK,
    0,
    ifinfomsg(0),
    attribute(IFLA_IFNAME, text(name)),
    nested(
      IFLA_LINKINFO,
      attribute(IFLA_INFO_SLAVE_KIND, text('bridge')),
      nested(
        IFLA_INFO_SLAVE_DATA,
        attribute(IFLA_BRPORT_MODE, Buffer.of(hairpin ? 1 : 0)),
        attribute(IFLA_BRPORT_ISOLATED, Buffer.of(isolated ? 1 : 0)),
      ),
    ),
  );

export const raiseLink = (index: number): Buffer => message(RTM_NEWLINK, 0, ifinfomsg(index, true));

export const lowerLink = (index: number): Buffer => message(RTM_NEWLINK, 0, ifinfomsg(index, false));

/** Moves a link that is down into the network namespace of a process, with a name there and the same index (Linux 5.13). */
export const moveLink = (link: {
  readonly index: number;
  readonly name: string;
  readonly pid: number;
}): Buffer =>
  message(
    RTM_NEWLINK,
    0,
    ifinfomsg(link.index),
    attribute(IFLA_IFNAME, text(link.name)),
    attribute(IFLA_NET_NS_PID, u32(link.pid)),
    attribute(IFLA_NEW_IFINDEX, u32(link.index)),
  );

/** Takes a veth's other end along. The kernel waits for its readers: 15 to 46 ms. */
export const deleteLink = (index: number): Buffer => message(RTM_DELLINK, 0, ifinfomsg(index));

export const dumpLinks = (): Buffer => message(RTM_GETLINK, NLM_F_DUMP, ifinfomsg(0));

/** One message of a dump; undefined for what is not about a link. */
export function parseLink(reply: NetlinkMessage): Link | undefined {
  if (reply.type !== RTM_NEWLINK) return undefined;
  const attributes = parseAttributes(reply.body.subarray(IFINFOMSG_BYTES));
  const info = attributes.get(IFLA_LINKINFO);
  const address = attributes.get(IFLA_ADDRESS);
  return {
    index: reply.body.readInt32LE(4),
    name: textOf(attributes.get(IFLA_IFNAME)) ?? '',
    up: (reply.body.readUInt32LE(8) & IFF_UP) !== 0,
    kind: info === undefined ? undefined : textOf(parseAttributes(info).get(IFLA_INFO_KIND)),
    master: attributes.get(IFLA_MASTER)?.readUInt32LE(0),
    macAddress: address === undefined ? undefined : macText(address),
  };
}
