import { AF_INET, ipv4Bytes, ipv4Text } from './address.ts';
import {
  attribute,
  message,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  parseAttributes,
  type NetlinkMessage,
} from './message.ts';

/** IPv4 routes (man 7 rtnetlink; include/uapi/linux/rtnetlink.h). Pure. */
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const RTMSG_BYTES = 12;

export interface Route {
  /** Dotted; 0.0.0.0 for a default route. */
  readonly destination: string;
  readonly prefixLength: number;
  /** Undefined for a route without a device (unreachable, several next hops). */
  readonly linkIndex: number | undefined;
}

function rtmsg(table: number, protocol: number, type: number): Buffer {
  const bytes = Buffer.alloc(RTMSG_BYTES);
  bytes.writeUInt8(AF_INET, 0);
  bytes.writeUInt8(table, 4);
  bytes.writeUInt8(protocol, 5);
  bytes.writeUInt8(type, 7);
  return bytes;
}

/** The gateway must be reachable over a link that is up; the kernel finds out which. */
export const addDefaultRoute = (gateway: string): Buffer =>
  message(
    RTM_NEWROUTE,
    NLM_F_CREATE | NLM_F_EXCL,
    rtmsg(RT_TABLE_MAIN, RTPROT_BOOT, RTN_UNICAST),
    attribute(RTA_GATEWAY, ipv4Bytes(gateway)),
  );

export const dumpRoutes = (): Buffer => message(RTM_GETROUTE, NLM_F_DUMP, rtmsg(0, 0, 0));

/** One message of a dump; undefined for what is not an IPv4 route. */
export function parseRoute(reply: NetlinkMessage): Route | undefined {
  if (reply.type !== RTM_NEWROUTE || reply.body.readUInt8(0) !== AF_INET) return undefined;
  const attributes = parseAttributes(reply.body.subarray(RTMSG_BYTES));
  const destination = attributes.get(RTA_DST);
  return {
    destination: destination === undefined ? '0.0.0.0' : ipv4Text(destination),
    prefixLength: reply.body.readUInt8(1),
    linkIndex: attributes.get(RTA_OIF)?.readUInt32LE(0),
  };
}
