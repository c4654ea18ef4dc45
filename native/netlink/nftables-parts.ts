import { attribute, be32, nested, text } from './message.ts';

/**
 * The expressions that every rule is built of, for the files that build rules: each works on a register. Pure.
 * (include/uapi/linux/netfilter/nf_tables.h)
 */
const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;

const META = { protocol: 1, mark: 3, iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;
const HEADERS = { link: 0, network: 1, transport: 2 } as const;
const CT = { state: 0, direction: 1, status: 2 } as const;
const COMPARISONS = { '==': 0, '!=': 1 } as const;
export type Comparison = keyof typeof COMPARISONS;

export const expression = (name: string, ...attributes: Buffer[]): Buffer =>
  nested(NFTA_LIST_ELEM, attribute(NFTA_EXPR_NAME, text(name)), nested(NFTA_EXPR_DATA, ...attributes));

const value = (bytes: Uint8Array): Buffer => attribute(NFTA_DATA_VALUE, bytes);

export const loadMeta = (key: keyof typeof META, register: number): Buffer =>
  expression('meta', attribute(2, be32(META[key])), attribute(1, be32(register)));

export const loadConnection = (key: keyof typeof CT, register: number): Buffer =>
  expression('ct', attribute(2, be32(CT[key])), attribute(1, be32(register)));

export const loadPayload = (
  header: keyof typeof HEADERS,
  at: { readonly offset: number; readonly bytes: number },
  register: number,
): Buffer =>
  expression(
    'payload',
    attribute(1, be32(register)),
    attribute(2, be32(HEADERS[header])),
    attribute(3, be32(at.offset)),
    attribute(4, be32(at.bytes)),
  );

export const loadValue = (bytes: Uint8Array, register: number): Buffer =>
  expression('immediate', attribute(1, be32(register)), nested(2, value(bytes)));

/** A comparison that fails ends the rule. */
export const compare = (register: number, comparison: Comparison, bytes: Uint8Array): Buffer =>
  expression(
    'cmp',
    attribute(1, be32(register)),
    attribute(2, be32(COMPARISONS[comparison])),
    nested(3, value(bytes)),
  );

export const mask = (register: number, bits: Uint8Array): Buffer =>
  expression(
    'bitwise',
    attribute(1, be32(register)),
    attribute(2, be32(register)),
    attribute(3, be32(bits.byteLength)),
    nested(4, value(bits)),
    nested(5, value(Buffer.alloc(bits.byteLength))),
  );
