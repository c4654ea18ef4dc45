import { attribute, be32, nested, text, u32 } from './message.ts';

/**
 * What a rule is made of: each expression loads a register, compares it, or decides. They run in order; a comparison that fails
 * ends the rule. Pure. (include/uapi/linux/netfilter/nf_tables.h)
 */
const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;
const NFT_JUMP = -3;
const IFNAME_BYTES = 16;

/** The one 16-byte register in use, and the one of the verdict. */
const REGISTER = 1;
const VERDICT_REGISTER = 0;

const META_KEYS = { iifname: 6, oifname: 7 } as const;
const META_NFPROTO = 15;
/** Of IPv4 and IPv6: the protocol, and where the source address lies in the header. */
const SOURCE = { 4: { protocol: 2, offset: 12 }, 16: { protocol: 10, offset: 8 } } as const;
const COMPARISONS = { '==': 0, '!=': 1 } as const;
const VERDICTS = { drop: 0, accept: 1 } as const;
const NETWORK_HEADER = 1;
const CT_STATE = 0;
/** NF_CT_STATE_BIT of IP_CT_ESTABLISHED and IP_CT_RELATED. */
const ESTABLISHED_OR_RELATED = 0b110;

type Comparison = keyof typeof COMPARISONS;

const expression = (name: string, ...attributes: Buffer[]): Buffer =>
  nested(NFTA_LIST_ELEM, attribute(NFTA_EXPR_NAME, text(name)), nested(NFTA_EXPR_DATA, ...attributes));

const compare = (comparison: Comparison, value: Uint8Array): Buffer =>
  expression(
    'cmp',
    attribute(1, be32(REGISTER)),
    attribute(2, be32(COMPARISONS[comparison])),
    nested(3, attribute(NFTA_DATA_VALUE, value)),
  );

const bitwiseAnd = (mask: Uint8Array): Buffer =>
  expression(
    'bitwise',
    attribute(1, be32(REGISTER)),
    attribute(2, be32(REGISTER)),
    attribute(3, be32(mask.byteLength)),
    nested(4, attribute(NFTA_DATA_VALUE, mask)),
    nested(5, attribute(NFTA_DATA_VALUE, Buffer.alloc(mask.byteLength))),
  );

/** `iifname == "wherry0"`: compares all 16 bytes, so that a longer name does not match. */
export function interfaceIs(
  key: keyof typeof META_KEYS,
  comparison: Comparison,
  name: string,
): readonly Buffer[] {
  const padded = Buffer.alloc(IFNAME_BYTES);
  padded.write(name);
  return [
    expression('meta', attribute(2, be32(META_KEYS[key])), attribute(1, be32(REGISTER))),
    compare(comparison, padded),
  ];
}

/** `ip saddr 172.17.0.0/16`, `ip6 saddr fd00::/64`: of four or sixteen bytes. */
export function sourceIn(network: Uint8Array, prefixLength: number): readonly Buffer[] {
  const { protocol, offset } = SOURCE[network.byteLength === 4 ? 4 : 16];
  return [
    expression('meta', attribute(2, be32(META_NFPROTO)), attribute(1, be32(REGISTER))),
    compare('==', Buffer.of(protocol)),
    expression(
      'payload',
      attribute(1, be32(REGISTER)),
      attribute(2, be32(NETWORK_HEADER)),
      attribute(3, be32(offset)),
      attribute(4, be32(network.byteLength)),
    ),
    bitwiseAnd(maskOf(network.byteLength, prefixLength)),
    compare('==', network),
  ];
}

const maskOf = (bytes: number, prefixLength: number): Buffer =>
  Buffer.from(
    Array.from({ length: bytes }, (_, index) => {
      const bits = Math.min(8, Math.max(0, prefixLength - index * 8));
      return (0xff00 >> bits) & 0xff;
    }),
  );

/** `ct state established,related`. */
export const isEstablished = (): readonly Buffer[] => [
  expression('ct', attribute(2, be32(CT_STATE)), attribute(1, be32(REGISTER))),
  bitwiseAnd(u32(ESTABLISHED_OR_RELATED)),
  compare('!=', u32(0)),
];

export const verdict = (name: keyof typeof VERDICTS): readonly Buffer[] => [
  expression(
    'immediate',
    attribute(1, be32(VERDICT_REGISTER)),
    nested(2, nested(NFTA_DATA_VERDICT, attribute(NFTA_VERDICT_CODE, be32(VERDICTS[name])))),
  ),
];

/** Goes on in another chain of the table, and behind this rule when that does not decide. */
export const jump = (chain: string): readonly Buffer[] => [
  expression(
    'immediate',
    attribute(1, be32(VERDICT_REGISTER)),
    nested(
      2,
      nested(
        NFTA_DATA_VERDICT,
        attribute(NFTA_VERDICT_CODE, be32(NFT_JUMP)),
        attribute(NFTA_VERDICT_CHAIN, text(chain)),
      ),
    ),
  ),
];

/** The source becomes the address of the interface that a packet leaves by. */
export const masquerade = (): readonly Buffer[] => [expression('masq')];
