import { connectNetlink } from '../../../native/netlink/connection.ts';
import { dumpAllChains, parseChain, type DumpedChain } from '../../../native/netlink/nftables-ruleset.ts';
import { EGRESS_CHAINS } from '../egress/rules.ts';
import { isPresent } from '../networks/bridge.ts';
import { FIREWALL_CHAINS } from '../networks/firewall.ts';
import { PORT_CHAINS } from './rules.ts';

/**
 * Chains that somebody else has put into our table of the family inet. What he puts into our own chains, sets and maps is taken out
 * again. His own chains stay, and are told: nothing of ours leads to them, and one with a hook may be what keeps strangers out.
 */
const OURS: ReadonlySet<string> = new Set([...FIREWALL_CHAINS, ...PORT_CHAINS, ...EGRESS_CHAINS]);

export const isForeign = ({ family, name }: Pick<DumpedChain, 'family' | 'name'>): boolean =>
  family === 'inet' && !OURS.has(name);

/** `name`, or `name (hook forward)`, in order. */
export function foreignChains(table: string): readonly string[] {
  using netfilter = connectNetlink('netfilter');
  return netfilter
    .dump({ action: 'list the chains of nftables', message: dumpAllChains() })
    .map(parseChain)
    .filter(isPresent)
    .filter((chain) => chain.table === table && isForeign(chain))
    .map(({ name, base }) => (base === undefined ? name : `${name} (hook ${base.hook})`))
    .toSorted();
}
