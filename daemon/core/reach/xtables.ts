import type { DumpedExpression } from '../../../native/netlink/nftables-ruleset.ts';
import { textOf } from '../../../native/netlink/message.ts';
import type { Packet } from './packet.ts';
import { whether, type Match } from './registers.ts';

/** Matches and targets of iptables in rules of nf_tables (include/uapi/linux/netfilter/x_tables.h and xt_*.h). Pure. */
const NAME = 1;
const INFO = 3;

const nameOf = ({ attributes }: DumpedExpression): string => textOf(attributes.get(NAME)) ?? '';

export function matchXtables(expression: DumpedExpression, packet: Packet): Match {
  const info = expression.attributes.get(INFO) ?? Buffer.alloc(0);
  switch (nameOf(expression)) {
    case 'comment':
      return 'yes';
    case 'conntrack':
      return matchConntrack(info, packet);
    case 'tcp':
      return matchPorts(info, packet, info[11] ?? 0);
    case 'udp':
      return matchPorts(info, packet, info[8] ?? 0);
    default:
      return 'maybe';
  }
}

/** struct xt_conntrack_mtinfo3: flags, inversions and states lie behind eight addresses, two times and five ports. */
const FLAGS_AT = 146;
const STATE = 1;
const STATE_NEW = 8;
const STATE_DNAT = 0x80;

function matchConntrack(info: Buffer, { translated }: Packet): Match {
  if (info.byteLength < FLAGS_AT + 6 || info.readUInt16LE(FLAGS_AT) !== STATE) return 'maybe';
  const states = info.readUInt16LE(FLAGS_AT + 4);
  const inverted = (info.readUInt16LE(FLAGS_AT + 2) & STATE) !== 0;
  return whether(((states & (STATE_NEW | (translated ? STATE_DNAT : 0))) !== 0) !== inverted);
}

/** struct xt_tcp, xt_udp: ranges of source ports, then of destination ports. */
function matchPorts(info: Buffer, { port }: Packet, inversions: number): Match {
  if (info.byteLength < 8 || inversions !== 0) return 'maybe';
  const [from, to] = [info.readUInt16LE(4), info.readUInt16LE(6)];
  if (port < from || port > to) return 'no';
  const anySource = info.readUInt16LE(0) === 0 && info.readUInt16LE(2) === 0xffff;
  return anySource ? 'yes' : 'maybe';
}

export const targetTranslates = (expression: DumpedExpression): boolean =>
  ['DNAT', 'REDIRECT'].includes(nameOf(expression));

export const targetDrops = (expression: DumpedExpression): boolean =>
  ['REJECT', 'DROP'].includes(nameOf(expression));
