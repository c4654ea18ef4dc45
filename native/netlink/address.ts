import ipaddr from 'ipaddr.js';
import {
  attribute,
  message,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  parseAttributes,
  type NetlinkMessage,
} from './message.ts';

/** Addresses of links (man 7 rtnetlink; include/uapi/linux/if_addr.h). Pure. */
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
export const AF_INET = 2;
export const AF_INET6 = 10;
const IFADDRMSG_BYTES = 8;
const AF_UNSPEC = 0;
const IFA_F_PERMANENT = 0x80;
const IFA_F_NODAD = 0x02;
const RT_SCOPE_UNIVERSE = 0;

export interface LinkAddress {
  readonly linkIndex: number;
  /** Of either family. */
  readonly address: string;
  readonly prefixLength: number;
}

export const familyOf = (address: string): number => (address.includes(':') ? AF_INET6 : AF_INET);

/** Four or sixteen bytes. */
export const addressBytes = (address: string): Buffer => Buffer.from(ipaddr.parse(address).toByteArray());
export const addressOfBytes = (bytes: Uint8Array): string => ipaddr.fromByteArray([...bytes]).toString();

/** No duplicate is looked for: we gave it out, and nobody waits for the second that IPv6 takes to find out. */
function ifaddrmsg(linkIndex: number, prefixLength: number, family: number): Buffer {
  const bytes = Buffer.alloc(IFADDRMSG_BYTES);
  bytes.writeUInt8(family, 0);
  bytes.writeUInt8(prefixLength, 1);
  bytes.writeUInt8(family === AF_INET6 ? IFA_F_NODAD : 0, 2);
  bytes.writeInt32LE(linkIndex, 4);
  return bytes;
}

function broadcast(address: string, prefixLength: number): Buffer {
  const bytes = Buffer.alloc(4);
  const hostBits = prefixLength === 0 ? 0xffffffff : 2 ** (32 - prefixLength) - 1;
  bytes.writeUInt32BE((addressBytes(address).readUInt32BE(0) | hostBits) >>> 0);
  return bytes;
}

/** Also makes the route to the subnet. The link must be up for routes over it. */
export const addAddress = ({ linkIndex, address, prefixLength }: LinkAddress): Buffer =>
  message(
    RTM_NEWADDR,
    NLM_F_CREATE | NLM_F_EXCL,
    ifaddrmsg(linkIndex, prefixLength, familyOf(address)),
    attribute(IFA_LOCAL, addressBytes(address)),
    attribute(IFA_ADDRESS, addressBytes(address)),
    ...(familyOf(address) === AF_INET ? [attribute(IFA_BROADCAST, broadcast(address, prefixLength))] : []),
  );

export const deleteAddress = ({ linkIndex, address, prefixLength }: LinkAddress): Buffer =>
  message(
    RTM_DELADDR,
    0,
    ifaddrmsg(linkIndex, prefixLength, familyOf(address)),
    attribute(IFA_LOCAL, addressBytes(address)),
    attribute(IFA_ADDRESS, addressBytes(address)),
  );

/** One message of a dump; undefined for what is no address. */
export function parseAddress(reply: NetlinkMessage): LinkAddress | undefined {
  if (reply.type !== RTM_NEWADDR) return undefined;
  const attributes = parseAttributes(reply.body.subarray(IFADDRMSG_BYTES));
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (address === undefined) return undefined;
  return {
    linkIndex: reply.body.readInt32LE(4),
    address: addressOfBytes(address),
    prefixLength: reply.body.readUInt8(1),
  };
}

/** Of every family. */
export const dumpAllAddresses = (): Buffer =>
  message(RTM_GETADDR, NLM_F_DUMP, Buffer.of(AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0));

/**
 * The message that gives a link, known by its index, the address of this message of a dump again, wherever it is by then; undefined
 * for addresses that the kernel makes by itself or that end by themselves.
 */
export function addressAgain(
  reply: NetlinkMessage,
): { readonly linkIndex: number; readonly message: Buffer } | undefined {
  if (reply.type !== RTM_NEWADDR) return undefined;
  const [flags, scope] = [reply.body.readUInt8(2), reply.body.readUInt8(3)];
  if ((flags & IFA_F_PERMANENT) === 0 || scope !== RT_SCOPE_UNIVERSE) return undefined;
  const attributes = parseAttributes(reply.body.subarray(IFADDRMSG_BYTES));
  const kept = [IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST].flatMap((type) => {
    const value = attributes.get(type);
    return value === undefined ? [] : [attribute(type, value)];
  });
  const header = Buffer.from(reply.body.subarray(0, IFADDRMSG_BYTES));
  return {
    linkIndex: header.readInt32LE(4),
    message: message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header, ...kept),
  };
}
