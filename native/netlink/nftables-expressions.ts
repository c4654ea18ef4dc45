import { attribute, be32, nested, text, u32 } from './message.ts';
import {
  compare,
  expression,
  loadConnection,
  loadMeta,
  loadPayload,
  mask,
  type Comparison,
} from './nftables-parts.ts';

/**
 * What a rule is made of: each expression loads a register, compares it, or decides. They run in order; a comparison that fails
 * ends the rule. Pure. (include/uapi/linux/netfilter/nf_tables.h)
 */
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;
const NFT_JUMP = -3;
const IFNAME_BYTES = 16;

/** The one 16-byte register in use, and the one of the verdict. */
const REGISTER = 1;
const VERDICT_REGISTER = 0;

/** Of IPv4 and IPv6: the protocol, and where the source address lies in the header. */
const SOURCE = { 4: { protocol: 2, offset: 12 }, 16: { protocol: 10, offset: 8 } } as const;
const VERDICTS = { drop: 0, accept: 1 } as const;
/** NF_CT_STATE_BIT of IP_CT_ESTABLISHED and IP_CT_RELATED. */
const ESTABLISHED_OR_RELATED = 0b110;

/** `iifname == "wherry0"`: compares all 16 bytes, so that a longer name does not match. */
export function interfaceIs(
  key: 'iifname' | 'oifname',
  comparison: Comparison,
  name: string,
): readonly Buffer[] {
  const padded = Buffer.alloc(IFNAME_BYTES);
  padded.write(name);
  return [loadMeta(key, REGISTER), compare(REGISTER, comparison, padded)];
}

/** `ip saddr 172.17.0.0/16`, `ip6 saddr fd00::/64`: of four or sixteen bytes. */
export function sourceIn(network: Uint8Array, prefixLength: number): readonly Buffer[] {
  const { protocol, offset } = SOURCE[network.byteLength === 4 ? 4 : 16];
  return [
    loadMeta('nfproto', REGISTER),
    compare(REGISTER, '==', Buffer.of(protocol)),
    loadPayload('network', { offset, bytes: network.byteLength }, REGISTER),
    mask(REGISTER, maskOf(network.byteLength, prefixLength)),
    compare(REGISTER, '==', network),
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
  loadConnection('state', REGISTER),
  mask(REGISTER, u32(ESTABLISHED_OR_RELATED)),
  compare(REGISTER, '!=', u32(0)),
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
