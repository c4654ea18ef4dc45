import {
  attribute,
  be32,
  HEADER_BYTES,
  message,
  nested,
  NLM_F_APPEND,
  NLM_F_CREATE,
  text,
} from './message.ts';

/**
 * Tables, chains and rules of nf_tables (include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h; `nft --debug=netlink` shows the
 * same for a textual rule). Family `inet`: IPv4 and IPv6. Pure. What stands between `batchBegin` and `batchEnd` happens at once or not at all.
 */
const NFPROTO_UNSPEC = 0;
const NFPROTO_INET = 1;
const NFPROTO_IPV4 = 2;
const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 16;
const NFNL_MSG_BATCH_END = 17;

const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_DELRULE = 8;

const NFTA_TABLE_NAME = 1;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_POLICY = 5;
const NFTA_CHAIN_TYPE = 7;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_EXPRESSIONS = 4;

/** Of include/uapi/linux/netfilter.h. */
const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const VERDICT_ACCEPT = 1;

/** Of family `inet` unless it says IPv4 alone: then the kernel tracks no connections of IPv6 for it. */
export type Table = string | { readonly name: string; readonly family: 'ip' };

const nameOf = (table: Table): string => (typeof table === 'string' ? table : table.name);
const familyOf = (table: Table): number => (typeof table === 'string' ? NFPROTO_INET : NFPROTO_IPV4);

export interface BaseChain {
  readonly table: Table;
  readonly name: string;
  readonly type: 'filter' | 'nat';
  readonly hook: keyof typeof HOOKS;
  /** 0 is `filter`, 100 `srcnat`. */
  readonly priority: number;
}

/** struct nfgenmsg: family, version 0, resource id in network order. */
const nfgenmsg = (family: number, resource: number): Buffer => Buffer.of(family, 0, 0, resource);

const nftOf = (table: Table, [type, flags]: readonly [number, number], ...attributes: Buffer[]): Buffer =>
  message((NFNL_SUBSYS_NFTABLES << 8) | type, flags, nfgenmsg(familyOf(table), 0), ...attributes);

const FAMILIES = { ip: 2, bridge: 7, ip6: 10 } as const;

/** One of the messages below for a table of another family than `inet`. */
export function inFamily(family: keyof typeof FAMILIES, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[HEADER_BYTES] = FAMILIES[family];
  return copy;
}

/** A message of nf_tables for a table of the family `inet`. */
export const nft = (type: number, flags: number, ...attributes: Buffer[]): Buffer =>
  nftOf('', [type, flags], ...attributes);

export const batchBegin = (): Buffer =>
  message(NFNL_MSG_BATCH_BEGIN, 0, nfgenmsg(NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES));
export const batchEnd = (): Buffer =>
  message(NFNL_MSG_BATCH_END, 0, nfgenmsg(NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES));

/** Does nothing when the table exists. */
export const addTable = (table: Table): Buffer =>
  nftOf(table, [NFT_MSG_NEWTABLE, NLM_F_CREATE], attribute(NFTA_TABLE_NAME, text(nameOf(table))));

/** With all that it holds. Fails with ENOENT when there is none, unless the same batch adds it before. */
export const deleteTable = (name: string): Buffer =>
  nft(NFT_MSG_DELTABLE, 0, attribute(NFTA_TABLE_NAME, text(name)));

/** A chain on a hook. Its policy is accept: the host's own tables have their say too. */
export const addBaseChain = (chain: BaseChain): Buffer =>
  nftOf(
    chain.table,
    [NFT_MSG_NEWCHAIN, NLM_F_CREATE],
    attribute(NFTA_CHAIN_TABLE, text(nameOf(chain.table))),
    attribute(NFTA_CHAIN_NAME, text(chain.name)),
    attribute(NFTA_CHAIN_TYPE, text(chain.type)),
    attribute(NFTA_CHAIN_POLICY, be32(VERDICT_ACCEPT)),
    nested(
      NFTA_CHAIN_HOOK,
      attribute(NFTA_HOOK_HOOKNUM, be32(HOOKS[chain.hook])),
      attribute(NFTA_HOOK_PRIORITY, be32(chain.priority)),
    ),
  );

/** A chain that others jump to. Does nothing when it exists. */
export const addChain = (table: string, name: string): Buffer =>
  nft(
    NFT_MSG_NEWCHAIN,
    NLM_F_CREATE,
    attribute(NFTA_CHAIN_TABLE, text(table)),
    attribute(NFTA_CHAIN_NAME, text(name)),
  );

/** Takes out all rules of a chain. */
export const flushChain = (table: string, chain: string): Buffer =>
  nft(NFT_MSG_DELRULE, 0, attribute(NFTA_RULE_TABLE, text(table)), attribute(NFTA_RULE_CHAIN, text(chain)));

/** Appends a rule; its expressions are those of nftables-expressions.ts. */
export const addRule = (table: Table, chain: string, expressions: readonly Buffer[]): Buffer =>
  nftOf(
    table,
    [NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND],
    attribute(NFTA_RULE_TABLE, text(nameOf(table))),
    attribute(NFTA_RULE_CHAIN, text(chain)),
    nested(NFTA_RULE_EXPRESSIONS, ...expressions),
  );
