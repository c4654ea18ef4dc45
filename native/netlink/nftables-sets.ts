import { attribute, be32, nested, NLM_F_CREATE, text } from './message.ts';
import { bytesOfField, inParts, lengthOf, typeOf, type Field } from './nftables-maps.ts';
import { nft } from './nftables.ts';

/**
 * Sets of nf_tables that rules look packets up in (nftables-lookup.ts): of plain keys, of ranges in each field of a concatenation, or
 * filled by packets. Pure. (include/uapi/linux/netfilter/nf_tables.h)
 */
const NFT_MSG_NEWSET = 9;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_DELSETELEM = 14;
const NFT_SET_INTERVAL = 0x4;
const NFT_SET_TIMEOUT = 0x10;
const NFT_SET_EVAL = 0x20;
const NFT_SET_CONCAT = 0x80;

const NFTA_SET_TABLE = 1;
const NFTA_SET_NAME = 2;
const NFTA_SET_FLAGS = 3;
const NFTA_SET_KEY_TYPE = 4;
const NFTA_SET_KEY_LEN = 5;
const NFTA_SET_DESC = 9;
const NFTA_SET_ID = 10;
const NFTA_SET_TIMEOUT = 11;
const NFTA_SET_DESC_SIZE = 1;
const NFTA_SET_DESC_CONCAT = 2;
const NFTA_SET_FIELD_LEN = 1;
const NFTA_ELEMENTS_TABLE = 1;
const NFTA_ELEMENTS_SET = 2;
const NFTA_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_ELEM_KEY = 1;
const NFTA_ELEM_KEY_END = 10;
const NFTA_DATA_VALUE = 1;

export interface NamedSet {
  readonly table: string;
  readonly name: string;
  readonly key: readonly Field[];
  /** `ranges`: of two or more fields, each element a range in each. `packets`: elements come with packets, and go by themselves. */
  readonly kind: 'plain' | 'ranges' | { readonly timeoutMs: number; readonly size: number };
}

export interface SetElement {
  /** As `fields` makes them. */
  readonly key: Buffer;
  /** Of ranges: the last of each field. */
  readonly end?: Buffer;
}

/** Does nothing when it exists with the same types. `id` is its own within the batch. */
export const addSet = ({ table, name, key, kind }: NamedSet, id: number): Buffer =>
  nft(
    NFT_MSG_NEWSET,
    NLM_F_CREATE,
    attribute(NFTA_SET_TABLE, text(table)),
    attribute(NFTA_SET_NAME, text(name)),
    attribute(NFTA_SET_FLAGS, be32(flagsOf(kind))),
    attribute(NFTA_SET_KEY_TYPE, be32(typeOf(key))),
    attribute(NFTA_SET_KEY_LEN, be32(lengthOf(key))),
    attribute(NFTA_SET_ID, be32(id)),
    ...described(key, kind),
  );

const flagsOf = (kind: NamedSet['kind']): number =>
  kind === 'plain'
    ? 0
    : kind === 'ranges'
      ? NFT_SET_INTERVAL | NFT_SET_CONCAT
      : NFT_SET_TIMEOUT | NFT_SET_EVAL;

function described(key: readonly Field[], kind: NamedSet['kind']): Buffer[] {
  if (kind === 'plain') return [];
  if (kind === 'ranges') {
    const lengths = key.map((field) =>
      nested(NFTA_LIST_ELEM, attribute(NFTA_SET_FIELD_LEN, be32(bytesOfField(field)))),
    );
    return [nested(NFTA_SET_DESC, nested(NFTA_SET_DESC_CONCAT, ...lengths))];
  }
  return [
    nested(NFTA_SET_DESC, attribute(NFTA_SET_DESC_SIZE, be32(kind.size))),
    attribute(NFTA_SET_TIMEOUT, be64(kind.timeoutMs)),
  ];
}

function be64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Adds them; those that are there stay. A range that covers a part of another makes the batch fail with ENOTEMPTY. */
export const addToSet = (set: NamedSet, elements: readonly SetElement[]): Buffer[] =>
  inParts(elements, (part) => nft(NFT_MSG_NEWSETELEM, NLM_F_CREATE, ...listOf(set, part)));

/** Takes them out; one that is not there makes the batch fail with ENOENT. */
export const deleteFromSet = (set: NamedSet, elements: readonly SetElement[]): Buffer[] =>
  inParts(elements, (part) => nft(NFT_MSG_DELSETELEM, 0, ...listOf(set, part)));

/** Takes all out. */
export const flushSet = ({ table, name }: NamedSet): Buffer =>
  nft(
    NFT_MSG_DELSETELEM,
    0,
    attribute(NFTA_ELEMENTS_TABLE, text(table)),
    attribute(NFTA_ELEMENTS_SET, text(name)),
  );

const listOf = ({ table, name }: NamedSet, elements: readonly SetElement[]): Buffer[] => [
  attribute(NFTA_ELEMENTS_TABLE, text(table)),
  attribute(NFTA_ELEMENTS_SET, text(name)),
  nested(
    NFTA_ELEMENTS,
    ...elements.map(({ key, end }) =>
      nested(
        NFTA_LIST_ELEM,
        nested(NFTA_ELEM_KEY, attribute(NFTA_DATA_VALUE, key)),
        ...(end === undefined ? [] : [nested(NFTA_ELEM_KEY_END, attribute(NFTA_DATA_VALUE, end))]),
      ),
    ),
  ),
];
