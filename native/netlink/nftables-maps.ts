import { attribute, be16, be32, nested, NLM_F_CREATE, text } from './message.ts';
import { nft } from './nftables.ts';

/** Maps of nf_tables from a protocol, an address and a port to an address and a port (include/uapi/linux/netfilter/nf_tables.h). Pure. */
const NFT_MSG_NEWSET = 9;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_DELSETELEM = 14;
const NFT_SET_MAP = 8;

const NFTA_SET_TABLE = 1;
const NFTA_SET_NAME = 2;
const NFTA_SET_FLAGS = 3;
const NFTA_SET_KEY_TYPE = 4;
const NFTA_SET_KEY_LEN = 5;
const NFTA_SET_DATA_TYPE = 6;
const NFTA_SET_DATA_LEN = 7;
const NFTA_SET_ID = 10;
const NFTA_ELEMENTS_TABLE = 1;
const NFTA_ELEMENTS_SET = 2;
const NFTA_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_ELEM_KEY = 1;
const NFTA_ELEM_DATA = 2;
const NFTA_DATA_VALUE = 1;

/** nft's own numbers of types, six bits each in a concatenation: so that `nft list` reads well. */
const TYPES = { protocol: 12, address4: 7, address6: 8, port: 13, interface: 41, ether: 9 } as const;
const TYPE_BITS = 6;
/** In a concatenation each is padded to whole registers. */
const BYTES = { protocol: 1, address4: 4, address6: 16, port: 2, interface: 16, ether: 6 } as const;

export type Field = keyof typeof TYPES;

export interface TranslationMap {
  readonly table: string;
  readonly name: string;
  readonly key: readonly Field[];
  readonly value: readonly Field[];
}

export const typeOf = (fields: readonly Field[]): number =>
  fields.reduce((type, field) => (type << TYPE_BITS) | TYPES[field], 0);
/** As a packet has it. */
export const bytesOfField = (field: Field): number => BYTES[field];
const padded = (bytes: number): number => (bytes + 3) & ~3;
export const lengthOf = (fields: readonly Field[]): number =>
  fields.reduce((sum, field) => sum + padded(BYTES[field]), 0);

/** Does nothing when it exists with the same types. `id` is its own within the batch. */
export const addMap = ({ table, name, key, value }: TranslationMap, id: number): Buffer =>
  nft(
    NFT_MSG_NEWSET,
    NLM_F_CREATE,
    attribute(NFTA_SET_TABLE, text(table)),
    attribute(NFTA_SET_NAME, text(name)),
    attribute(NFTA_SET_FLAGS, be32(NFT_SET_MAP)),
    attribute(NFTA_SET_KEY_TYPE, be32(typeOf(key))),
    attribute(NFTA_SET_KEY_LEN, be32(lengthOf(key))),
    attribute(NFTA_SET_DATA_TYPE, be32(typeOf(value))),
    attribute(NFTA_SET_DATA_LEN, be32(lengthOf(value))),
    attribute(NFTA_SET_ID, be32(id)),
  );

export interface MapElement {
  /** As `fields` makes them. */
  readonly key: Buffer;
  readonly value: Buffer;
}

/** A value of several fields, each padded to whole registers. */
export const fields = (...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat(
    parts.map((part) => Buffer.concat([part, Buffer.alloc(padded(part.byteLength) - part.byteLength)])),
  );

/** NUL-padded, so that a longer name does not match. */
export function interfaceBytes(name: string): Buffer {
  const bytes = Buffer.alloc(BYTES.interface);
  bytes.write(name);
  return bytes;
}

export const portBytes = be16;

/** An attribute holds 64 KiB. */
const ELEMENTS_A_MESSAGE = 500;

/** Adds them; one whose key is there with another value makes the batch fail with EEXIST. */
export const addElements = (map: TranslationMap, elements: readonly MapElement[]): Buffer[] =>
  inParts(elements, (part) => nft(NFT_MSG_NEWSETELEM, NLM_F_CREATE, ...listOf(map, part)));

/** Takes them out; one that is not there makes the batch fail with ENOENT. */
export const deleteElements = (map: TranslationMap, elements: readonly MapElement[]): Buffer[] =>
  inParts(elements, (part) => nft(NFT_MSG_DELSETELEM, 0, ...listOf(map, part)));

/** Takes all out. */
export const flushMap = ({ table, name }: TranslationMap): Buffer =>
  nft(
    NFT_MSG_DELSETELEM,
    0,
    attribute(NFTA_ELEMENTS_TABLE, text(table)),
    attribute(NFTA_ELEMENTS_SET, text(name)),
  );

export function inParts<T>(elements: readonly T[], make: (part: readonly T[]) => Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < elements.length; at += ELEMENTS_A_MESSAGE)
    messages.push(make(elements.slice(at, at + ELEMENTS_A_MESSAGE)));
  return messages;
}

const listOf = ({ table, name }: TranslationMap, elements: readonly MapElement[]): Buffer[] => [
  attribute(NFTA_ELEMENTS_TABLE, text(table)),
  attribute(NFTA_ELEMENTS_SET, text(name)),
  nested(
    NFTA_ELEMENTS,
    ...elements.map(({ key, value }) =>
      nested(
        NFTA_LIST_ELEM,
        nested(NFTA_ELEM_KEY, attribute(NFTA_DATA_VALUE, key)),
        nested(NFTA_ELEM_DATA, attribute(NFTA_DATA_VALUE, value)),
      ),
    ),
  ),
];
