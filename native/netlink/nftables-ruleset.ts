import {
  attribute,
  message,
  NLM_F_DUMP,
  parseAttributes,
  parseAttributeList,
  text,
  textOf,
  type NetlinkMessage,
} from './message.ts';

/** All chains and rules that nf_tables has, whoever made them (include/uapi/linux/netfilter/nf_tables.h). Pure. */
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_GETSETELEM = 13;
const NFGENMSG_BYTES = 4;

const FAMILIES: Readonly<Record<number, string>> = { 1: 'inet', 2: 'ip', 7: 'bridge', 10: 'ip6' };
const HOOKS: Readonly<Record<number, string>> = { 0: 'prerouting', 1: 'input', 2: 'forward', 3: 'output' };

export interface DumpedChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Of a base chain. */
  readonly base:
    { readonly hook: string; readonly priority: number; readonly policy: 'accept' | 'drop' } | undefined;
}

export interface DumpedRule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly expressions: readonly DumpedExpression[];
}

export interface DumpedExpression {
  readonly name: string;
  readonly attributes: ReadonlyMap<number, Buffer>;
}

/** One of a set or map; of ranges an element begins one, and the next that has `isEnd` ends it before itself. */
export interface DumpedElement {
  readonly key: Buffer;
  readonly keyEnd: Buffer | undefined;
  readonly isEnd: boolean;
  readonly verdict: DumpedVerdict | undefined;
}

export interface DumpedVerdict {
  /** 0 drop, 1 accept, -3 jump, -4 goto, -5 return. */
  readonly code: number;
  readonly chain: string | undefined;
}

const ask = (type: number, family: number, ...attributes: Buffer[]): Buffer =>
  message((NFNL_SUBSYS_NFTABLES << 8) | type, NLM_F_DUMP, Buffer.of(family, 0, 0, 0), ...attributes);
const isOf = ({ type }: NetlinkMessage, kind: number): boolean =>
  type === ((NFNL_SUBSYS_NFTABLES << 8) | kind);
const familyOf = ({ body }: NetlinkMessage): string => FAMILIES[body[0] ?? 0] ?? 'other';
const attributesOf = ({ body }: NetlinkMessage): Map<number, Buffer> =>
  parseAttributes(body.subarray(NFGENMSG_BYTES));

export const dumpAllChains = (): Buffer => ask(NFT_MSG_GETCHAIN, 0);

/** Undefined for other messages. */
export function parseChain(answer: NetlinkMessage): DumpedChain | undefined {
  if (!isOf(answer, NFT_MSG_NEWCHAIN)) return undefined;
  const found = attributesOf(answer);
  const hook = parseAttributes(found.get(4) ?? Buffer.alloc(0));
  const number = hook.get(1)?.readUInt32BE(0);
  return {
    family: familyOf(answer),
    table: textOf(found.get(1)) ?? '',
    name: textOf(found.get(3)) ?? '',
    base:
      number === undefined
        ? undefined
        : {
            hook: HOOKS[number] ?? 'other',
            priority: hook.get(2)?.readInt32BE(0) ?? 0,
            policy: found.get(5)?.readUInt32BE(0) === 0 ? 'drop' : 'accept',
          },
  };
}

export const dumpAllRules = (): Buffer => ask(NFT_MSG_GETRULE, 0);

/** Undefined for other messages. */
export function parseRule(answer: NetlinkMessage): DumpedRule | undefined {
  if (!isOf(answer, NFT_MSG_NEWRULE)) return undefined;
  const found = attributesOf(answer);
  return {
    family: familyOf(answer),
    table: textOf(found.get(1)) ?? '',
    chain: textOf(found.get(2)) ?? '',
    handle: Number(found.get(3)?.readBigUInt64BE(0) ?? 0n),
    expressions: parseAttributeList(found.get(4) ?? Buffer.alloc(0)).map((bytes) => {
      const expression = parseAttributes(bytes);
      return {
        name: textOf(expression.get(1)) ?? '',
        attributes: parseAttributes(expression.get(2) ?? Buffer.alloc(0)),
      };
    }),
  };
}

const FAMILY_NUMBERS: Readonly<Record<string, number>> = { inet: 1, ip: 2, bridge: 7, ip6: 10 };

export const dumpElements = (family: string, table: string, set: string): Buffer =>
  ask(NFT_MSG_GETSETELEM, FAMILY_NUMBERS[family] ?? 0, attribute(1, text(table)), attribute(2, text(set)));

/** None for other messages. */
export function parseElements(answer: NetlinkMessage): DumpedElement[] {
  if (!isOf(answer, NFT_MSG_NEWSETELEM)) return [];
  return parseAttributeList(attributesOf(answer).get(3) ?? Buffer.alloc(0)).map((bytes) => {
    const element = parseAttributes(bytes);
    return {
      key: valueOf(element.get(1)) ?? Buffer.alloc(0),
      keyEnd: valueOf(element.get(10)),
      isEnd: ((element.get(3)?.readUInt32BE(0) ?? 0) & 1) !== 0,
      verdict: verdictOf(element.get(2)),
    };
  });
}

/** NFTA_DATA_VALUE of a data attribute. */
export const valueOf = (data: Buffer | undefined): Buffer | undefined =>
  data === undefined ? undefined : parseAttributes(data).get(1);

/** NFTA_DATA_VERDICT of a data attribute. */
export function verdictOf(data: Buffer | undefined): DumpedVerdict | undefined {
  const verdict = data === undefined ? undefined : parseAttributes(data).get(2);
  if (verdict === undefined) return undefined;
  const parts = parseAttributes(verdict);
  return { code: parts.get(1)?.readInt32BE(0) ?? 0, chain: textOf(parts.get(2)) };
}
