import type { Ctx } from '../../../common/ctx.ts';
import { messageOf } from '../../../common/errors.ts';
import { connectNetlink, type NetlinkConnection } from '../../../native/netlink/connection.ts';
import {
  chainOfRule,
  dumpRules,
  getGeneration,
  parseGeneration,
} from '../../../native/netlink/nftables-read.ts';

export interface RuleWatch {
  readonly table: string;
  /** That never are without a rule. */
  readonly chains: readonly string[];
  /** Puts everything in place again. */
  restore(): Promise<void>;
}

const INTERVAL_MS = 1000;

/**
 * Sees within a second that somebody has wiped our rules (`nft flush ruleset`, as firewalls do at a reload), and has them put
 * back. Costs one system call a second; only after a change of any table is ours looked at.
 */
export function watchRules(ctx: Ctx, watch: RuleWatch): Disposable {
  const netfilter = connectNetlink('netfilter');
  let seen: number | undefined;
  let restoring = false;
  const look = async (): Promise<void> => {
    const generation = generationOf(netfilter);
    if (restoring || generation === seen) return;
    if (hasAll(netfilter, watch)) {
      seen = generation;
      return;
    }
    restoring = true;
    try {
      await watch.restore();
      ctx.log.warn('Somebody wiped the firewall rules: they are in place again', { table: watch.table });
    } finally {
      restoring = false;
    }
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) =>
      ctx.log.error('Cannot keep the firewall rules in place', { error: messageOf(error) }),
    );
  }, INTERVAL_MS).unref();
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      netfilter[Symbol.dispose]();
    },
  };
}

function generationOf(netfilter: NetlinkConnection): number | undefined {
  const action = 'ask for the generation of the nftables rules';
  return netfilter.dump({ action, message: getGeneration() }).map(parseGeneration)[0];
}

function hasAll(netfilter: NetlinkConnection, { table, chains }: RuleWatch): boolean {
  const action = `list the rules of nftables table "${table}"`;
  const found = new Set(netfilter.dump({ action, message: dumpRules(table) }).map(chainOfRule));
  return chains.every((chain) => found.has(chain));
}
