import { HEADER_BYTES, parseAttributes, textOf, type NetlinkMessage } from './message.ts';

/** `nlmsgerr`: the kernel's answer to one message (man 7 netlink). */
export interface Reply {
  /** 0: it was done. */
  readonly errno: number;
  /** The kernel's own words (NLMSGERR_ATTR_MSG), when the socket has NETLINK_EXT_ACK and the kernel has some. */
  readonly explanation: string | undefined;
}

const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

/** Where the errno lies in a whole reply: after struct nlmsghdr, negative. */
export const REPLY_ERRNO_OFFSET = HEADER_BYTES;

/** Reads the body of an NLMSG_ERROR message. NLMSG_DONE of a dump has the same first field. */
export function parseReply(reply: NetlinkMessage): Reply {
  const errno = reply.body.byteLength < 4 ? 0 : Math.abs(reply.body.readInt32LE(0));
  if ((reply.flags & NLM_F_ACK_TLVS) === 0) return { errno, explanation: undefined };
  // The failed message is quoted whole, unless it is capped to its header.
  const quoted = (reply.flags & NLM_F_CAPPED) === 0 ? reply.body.readUInt32LE(4) : HEADER_BYTES;
  const attributes = parseAttributes(reply.body.subarray(4 + ((quoted + 3) & ~3)));
  return { errno, explanation: textOf(attributes.get(NLMSGERR_ATTR_MSG)) };
}
