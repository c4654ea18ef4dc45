import { attribute, message, nested, NLM_F_DUMP, parseAttributes, type NetlinkMessage } from './message.ts';

/** Connections that the kernel tracks (include/uapi/linux/netfilter/nfnetlink_conntrack.h). Pure. */
const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_NEW = 0;
const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_ID = 12;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
const FAMILIES = { 4: 2, 6: 10 } as const;
const AF_UNSPEC = 0;
/** Of CTA_TUPLE_IP, by family: where source and destination are. */
const ADDRESSES = { 4: { source: 1, destination: 2 }, 6: { source: 3, destination: 4 } } as const;
const NFGENMSG_BYTES = 4;

export type Family = keyof typeof FAMILIES;

export interface TrackedConnection {
  readonly family: Family;
  /** 6 tcp, 17 udp. */
  readonly protocol: number;
  /** As bytes in hexadecimal: who began it, and to what address and port. */
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  /** Who answers: not `destination` where that was translated. */
  readonly replySource: string;
  /** What it is deleted by. */
  readonly original: Buffer;
  readonly id: Buffer;
}

const typeOf = (type: number): number => (NFNL_SUBSYS_CTNETLINK << 8) | type;
const nfgenmsg = (family: number): Buffer => Buffer.of(family, 0, 0, 0);

/** Of both families: the kernel goes through the whole table for each request. */
export const dumpConnections = (): Buffer =>
  message(typeOf(IPCTNL_MSG_CT_GET), NLM_F_DUMP, nfgenmsg(AF_UNSPEC));

/** Fails with ENOENT when it has ended, also when another one has its place by now. */
export const deleteConnection = ({ family, original, id }: TrackedConnection): Buffer =>
  message(
    typeOf(IPCTNL_MSG_CT_DELETE),
    0,
    nfgenmsg(FAMILIES[family]),
    nested(CTA_TUPLE_ORIG, original),
    attribute(CTA_ID, id),
  );

/** Undefined for other messages, other families, and for what has no addresses. */
export function parseConnection({ type, body }: NetlinkMessage): TrackedConnection | undefined {
  if (type !== typeOf(IPCTNL_MSG_CT_NEW)) return undefined;
  const family = ([4, 6] as const).find((each) => FAMILIES[each] === body[0]);
  if (family === undefined) return undefined;
  const attributes = parseAttributes(body.subarray(NFGENMSG_BYTES));
  const original = attributes.get(CTA_TUPLE_ORIG);
  const reply = attributes.get(CTA_TUPLE_REPLY);
  const id = attributes.get(CTA_ID);
  if (original === undefined || reply === undefined || id === undefined) return undefined;
  const to = tupleOf(family, original);
  return {
    family,
    protocol: to.protocol,
    source: to.source,
    destination: to.destination,
    destinationPort: to.destinationPort,
    replySource: tupleOf(family, reply).source,
    original,
    id,
  };
}

function tupleOf(family: Family, bytes: Buffer) {
  const tuple = parseAttributes(bytes);
  const address = parseAttributes(tuple.get(CTA_TUPLE_IP) ?? Buffer.alloc(0));
  const protocol = parseAttributes(tuple.get(CTA_TUPLE_PROTO) ?? Buffer.alloc(0));
  const at = ADDRESSES[family];
  return {
    source: address.get(at.source)?.toString('hex') ?? '',
    destination: address.get(at.destination)?.toString('hex') ?? '',
    protocol: protocol.get(CTA_PROTO_NUM)?.[0] ?? 0,
    // Icmp has none.
    destinationPort: protocol.get(CTA_PROTO_DST_PORT)?.readUInt16BE(0) ?? 0,
  };
}
