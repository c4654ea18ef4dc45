import {
  attribute,
  message,
  NLM_F_DUMP,
  parseAttributes,
  text,
  textOf,
  type NetlinkMessage,
} from './message.ts';

/** What nf_tables holds (include/uapi/linux/netfilter/nf_tables.h). Pure. */
const FAMILIES = { inet: 1, bridge: 7 } as const;
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFGENMSG_BYTES = 4;

const nfgenmsg = (family: number): Buffer => Buffer.of(family, 0, 0, 0);
const typeOf = (kind: number): number => (NFNL_SUBSYS_NFTABLES << 8) | kind;

const isOf = ({ type }: NetlinkMessage, kind: number): boolean => type === typeOf(kind);

const attributesOf = ({ body }: NetlinkMessage): Map<number, Buffer> =>
  parseAttributes(body.subarray(NFGENMSG_BYTES));

export type WatchedFamily = keyof typeof FAMILIES;

/** The rules of one table; none if there is no such table. */
export const dumpRules = (family: WatchedFamily, table: string): Buffer =>
  message(
    typeOf(NFT_MSG_GETRULE),
    NLM_F_DUMP,
    nfgenmsg(FAMILIES[family]),
    attribute(NFTA_RULE_TABLE, text(table)),
  );

/** The chain of a dumped rule; undefined for other messages. */
export const chainOfRule = (answer: NetlinkMessage): string | undefined =>
  isOf(answer, NFT_MSG_NEWRULE) ? textOf(attributesOf(answer).get(NFTA_RULE_CHAIN)) : undefined;
