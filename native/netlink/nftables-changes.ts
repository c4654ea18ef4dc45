import { isErrno } from '../sys/files.ts';
import {
  closeDescriptor,
  joinNetlinkGroup,
  netlinkSocket,
  receiveNow,
  setReceiveBuffer,
} from '../sys/socket.ts';
import { bindOwnPort, isOwnPort } from './own-port.ts';
import { HEADER_BYTES, parseAttributes, textOf } from './message.ts';

/** What the kernel tells of each change of nf_tables (include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h). */
const NFNLGRP_NFTABLES = 7;
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_NEWGEN = 15;
const NFGENMSG_BYTES = 4;
/** The same of tables, chains, rules, sets and their elements. */
const NFTA_TABLE = 1;

const MESSAGE_BYTES = 65_536;
/** 10,000 published ports are 2 MB of news, and are read ten times a second. */
const BACKLOG_BYTES = 16 << 20;
const TAKE_MS = 5;

/** `lost`: more has changed than the kernel keeps. */
export type TableChange = 'none' | 'foreign' | 'lost';

/** Hears who changes the tables of a name, of whatever family, in this network namespace. */
export interface TableNews extends Disposable {
  /** What changed since the last call, leaving out what this program did (own-port.ts). Does not wait; what would take long comes with the next call. */
  take(): TableChange;
}

export function hearTable(table: string): TableNews {
  const fd = netlinkSocket('netfilter');
  const buffer = Buffer.alloc(MESSAGE_BYTES);
  try {
    // One without a port hears nothing: the news are for all but port 0, the kernel itself.
    bindOwnPort(fd);
    setReceiveBuffer(fd, BACKLOG_BYTES);
    joinNetlinkGroup(fd, NFNLGRP_NFTABLES);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  return {
    take: () => {
      const found = new Set<TableChange>();
      const until = performance.now() + TAKE_MS;
      for (let next = receive(fd, buffer); next !== undefined; next = receive(fd, buffer)) {
        if (next === 'lost') found.add('lost');
        else if (hasForeign(next, table)) found.add('foreign');
        if (performance.now() > until) break;
      }
      return (['foreign', 'lost'] as const).find((change) => found.has(change)) ?? 'none';
    },
    [Symbol.dispose]: () => closeDescriptor(fd),
  };
}

function receive(fd: number, buffer: Buffer): Buffer | 'lost' | undefined {
  try {
    return buffer.subarray(0, receiveNow(fd, buffer));
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return undefined;
    if (isErrno(error, 'ENOBUFS')) return 'lost';
    throw error;
  }
}

/** Takes apart only what is not ours: of our own there may be tens of thousands. */
function hasForeign(bytes: Buffer, table: string): boolean {
  for (let at = 0; at + HEADER_BYTES <= bytes.byteLength;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER_BYTES) return true;
    const type = bytes.readUInt16LE(at + 4);
    const isChange = type >> 8 === NFNL_SUBSYS_NFTABLES && (type & 0xff) !== NFT_MSG_NEWGEN;
    if (isChange && !isOwnPort(bytes.readUInt32LE(at + 12))) {
      const body = bytes.subarray(at + HEADER_BYTES + NFGENMSG_BYTES, at + length);
      if (textOf(parseAttributes(body).get(NFTA_TABLE)) === table) return true;
    }
    at += (length + 3) & ~3;
  }
  return false;
}
