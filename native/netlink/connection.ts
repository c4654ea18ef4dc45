import { internal, type WherryError } from '../../common/errors.ts';
import { errnoName } from '../ffi/syscall.ts';
import { isErrno } from '../sys/files.ts';
import {
  closeDescriptor,
  enableNetlinkOption,
  netlinkSocket,
  receiveNow,
  sendTo,
  setSendBuffer,
  type NETLINK_PROTOCOL,
} from '../sys/socket.ts';
import {
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  numbered,
  parseMessages,
  type NetlinkMessage,
} from './message.ts';
import { bindOwnPort } from './own-port.ts';
import { parseReply, type Reply } from './reply.ts';

/** A message and what it does, for the error's text: `create bridge "wherry0"`. */
export interface NetlinkRequest {
  readonly action: string;
  readonly message: Uint8Array;
  /** Errno names that are no failure. */
  readonly ignore?: readonly string[];
}

/**
 * A netlink socket in the daemon's own network namespace. Every call is synchronous: the kernel has answered when sendto
 * returns. For the few messages of a daemon's start, not for a request's path: rtnetlink takes a lock of the whole machine.
 * A refusal throws `internal` `Cannot <action>: EEXIST (the kernel's words)`.
 */
export interface NetlinkConnection extends Disposable {
  /** Has one message done; false if the kernel refused it with an ignored errno. */
  execute(request: NetlinkRequest): boolean;
  /** Sends all in one datagram: an nf_tables batch. */
  batch(requests: readonly NetlinkRequest[]): void;
  /** The messages that answer a dump, of one consistent state unless it changes all the time. */
  dump(request: NetlinkRequest): NetlinkMessage[];
}

/** Longer than any datagram of the kernel's: dumps use up to 32 KiB. */
const RECEIVE_BYTES = 65_536;
const DUMP_ATTEMPTS = 5;
/** Fits into every socket's buffer (net.core.wmem_default is 208 KiB, some of which is the kernel's own). */
const SMALL_BYTES = 65_536;

export function connectNetlink(protocol: keyof typeof NETLINK_PROTOCOL): NetlinkConnection {
  const fd = netlinkSocket(protocol);
  if (protocol === 'netfilter') bindOwnPort(fd);
  enableNetlinkOption(fd, 'capAck');
  enableNetlinkOption(fd, 'extAck');
  let sequence = 0;
  const exchange = (requests: readonly NetlinkRequest[], flags: number): Answer => {
    const first = sequence + 1;
    sequence += requests.length;
    const data = Buffer.concat(requests.map(({ message }, index) => numbered(message, first + index, flags)));
    if (data.byteLength > SMALL_BYTES) setSendBuffer(fd, 2 * data.byteLength);
    sendTo(fd, data);
    const messages = receiveAll(fd);
    const refused = messages.map(refusalOf).find((found) => found !== undefined);
    if (refused === undefined) return { messages };
    const request = requests[refused.sequence - first];
    return { messages, refusal: refused.reply, action: request?.action ?? 'use netlink' };
  };
  return {
    execute: (request) => {
      const answer = exchange([request], NLM_F_ACK);
      if (answer.messages.length === 0) throw internal(`Cannot ${request.action}: the kernel gave no answer`);
      if (answer.refusal === undefined) return true;
      if (request.ignore?.includes(errnoName(answer.refusal.errno)) === true) return false;
      throw refusalError(answer);
    },
    batch: (requests) => {
      const answer = exchange(requests, 0);
      if (answer.refusal !== undefined) throw refusalError(answer);
    },
    dump: (request) => {
      for (let attempt = 1; ; attempt += 1) {
        const answer = exchange([request], 0);
        if (answer.refusal !== undefined) throw refusalError(answer);
        const torn = answer.messages.some(({ flags }) => (flags & NLM_F_DUMP_INTR) !== 0);
        if (!torn || attempt === DUMP_ATTEMPTS) return answer.messages;
      }
    },
    [Symbol.dispose]: () => closeDescriptor(fd),
  };
}

interface Answer {
  readonly messages: NetlinkMessage[];
  readonly refusal?: Reply;
  readonly action?: string;
}

function refusalOf(answer: NetlinkMessage): { sequence: number; reply: Reply } | undefined {
  if (answer.type !== NLMSG_ERROR && answer.type !== NLMSG_DONE) return undefined;
  const reply = parseReply(answer);
  return reply.errno === 0 ? undefined : { sequence: answer.sequence, reply };
}

function refusalError({ action, refusal }: Answer): WherryError {
  const words = refusal?.explanation === undefined ? '' : ` (${refusal.explanation})`;
  return internal(`Cannot ${action ?? 'use netlink'}: ${errnoName(refusal?.errno ?? 0)}${words}`);
}

/** Everything that the kernel has put there by now; it goes on with a dump at each receive. */
function receiveAll(fd: number): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (;;) {
    const buffer = Buffer.alloc(RECEIVE_BYTES);
    const bytes = receiveIfAny(fd, buffer);
    if (bytes === undefined) return messages;
    messages.push(...parseMessages(buffer.subarray(0, bytes)));
  }
}

function receiveIfAny(fd: number, into: Buffer): number | undefined {
  try {
    return receiveNow(fd, into);
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return undefined;
    throw error;
  }
}
