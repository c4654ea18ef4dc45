import type { Ctx } from '../../../common/ctx.ts';
import { messageOf } from '../../../common/errors.ts';
import { connectNetlink, type NetlinkConnection } from '../../../native/netlink/connection.ts';
import {
  chainOfRule,
  dumpRules,
  getGeneration,
  parseGeneration,
  type WatchedFamily,
} from '../../../native/netlink/nftables-read.ts';

export interface RuleWatch {
  readonly table: string;
  /** That are not without a rule now. */
  chains(): readonly WatchedChains[];
  /** Puts everything in place again. */
  restore(): void;
}

export interface WatchedChains {
  readonly family: WatchedFamily;
  readonly names: readonly string[];
}

const INTERVAL_MS = 100;

/**
 * Sees within a tenth of a second that somebody has wiped our rules (`nft flush ruleset`, as firewalls do at a reload), and has them
 * put back. Costs two system calls each time, since libuv can't wait for netlink's own news; only after a change of any table are
 * ours looked at.
 */
export function watchRules(ctx: Ctx, watch: RuleWatch): Disposable {
  const netfilter = connectNetlink('netfilter');
  let seen: number | undefined;
  let failure: string | undefined;
  const look = (): void => {
    const generation = generationOf(netfilter);
    if (generation === seen) return;
    if (hasAll(netfilter, watch)) {
      seen = generation;
      return;
    }
    watch.restore();
    ctx.log.warn('Somebody wiped the firewall rules: they are in place again', { table: watch.table });
  };
  const timer = setInterval(() => {
    try {
      look();
      failure = undefined;
    } catch (error) {
      // It is tried again all the time, and told once.
      if (messageOf(error) !== failure)
        ctx.log.error('Cannot keep the firewall rules in place', { error: messageOf(error) });
      failure = messageOf(error);
    }
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

const hasAll = (netfilter: NetlinkConnection, watch: RuleWatch): boolean =>
  watch.chains().every(({ family, names }) => {
    const action = `list the rules of nftables table "${family} ${watch.table}"`;
    const message = dumpRules(family, watch.table);
    const found = new Set(netfilter.dump({ action, message }).map(chainOfRule));
    return names.every((name) => found.has(name));
  });
