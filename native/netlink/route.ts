import { addressBytes, addressOfBytes, AF_INET, AF_INET6, familyOf } from './address.ts';
import {
  attribute,
  message,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  parseAttributes,
  u32,
  type NetlinkMessage,
} from './message.ts';

/** Routes (man 7 rtnetlink; include/uapi/linux/rtnetlink.h). Pure. */
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const RTMSG_BYTES = 12;

const NOWHERE = { [AF_INET]: '0.0.0.0', [AF_INET6]: '::' } as const;

export interface Route {
  /** 0.0.0.0 or :: for a default route. */
  readonly destination: string;
  readonly prefixLength: number;
  /** Undefined for a route without a device (unreachable, several next hops). */
  readonly linkIndex: number | undefined;
}

function rtmsg(family: number, table: number, [protocol, type]: readonly [number, number]): Buffer {
  const bytes = Buffer.alloc(RTMSG_BYTES);
  bytes.writeUInt8(family, 0);
  bytes.writeUInt8(table, 4);
  bytes.writeUInt8(protocol, 5);
  bytes.writeUInt8(type, 7);
  return bytes;
}

/**
 * The gateway must be reachable over a link that is up; without a link's index the kernel finds out which. `beside`: other default routes
 * may be there, and IPv4 prefers this one from now on.
 */
export const addDefaultRoute = (gateway: string, linkIndex?: number, beside = false): Buffer =>
  message(
    RTM_NEWROUTE,
    beside ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_EXCL,
    rtmsg(familyOf(gateway), RT_TABLE_MAIN, [RTPROT_BOOT, RTN_UNICAST]),
    attribute(RTA_GATEWAY, addressBytes(gateway)),
    ...(linkIndex === undefined ? [] : [attribute(RTA_OIF, u32(linkIndex))]),
  );

export const deleteDefaultRoute = (gateway: string): Buffer =>
  message(
    RTM_DELROUTE,
    0,
    rtmsg(familyOf(gateway), RT_TABLE_MAIN, [0, 0]),
    attribute(RTA_GATEWAY, addressBytes(gateway)),
  );

/** A default route over a link itself: for ipvlan in mode l3, where nobody answers for a gateway. */
export const addLinkRoute = (family: 4 | 6, linkIndex: number): Buffer =>
  message(
    RTM_NEWROUTE,
    NLM_F_CREATE | NLM_F_EXCL,
    rtmsg(family === 4 ? AF_INET : AF_INET6, RT_TABLE_MAIN, [RTPROT_BOOT, RTN_UNICAST]),
    attribute(RTA_OIF, u32(linkIndex)),
  );

/** Of every family. */
export const dumpRoutes = (): Buffer => message(RTM_GETROUTE, NLM_F_DUMP, rtmsg(0, 0, [0, 0]));

/** One message of a dump; undefined for what is no route of IP. */
export function parseRoute(reply: NetlinkMessage): Route | undefined {
  const family = reply.body.readUInt8(0);
  if (reply.type !== RTM_NEWROUTE || (family !== AF_INET && family !== AF_INET6)) return undefined;
  const attributes = parseAttributes(reply.body.subarray(RTMSG_BYTES));
  const destination = attributes.get(RTA_DST);
  return {
    destination: destination === undefined ? NOWHERE[family] : addressOfBytes(destination),
    prefixLength: reply.body.readUInt8(1),
    linkIndex: attributes.get(RTA_OIF)?.readUInt32LE(0),
  };
}
