import type { Ctx } from '../../../common/ctx.ts';
import { messageOf } from '../../../common/errors.ts';
import { connectNetlink, type NetlinkConnection } from '../../../native/netlink/connection.ts';
import { hearTable, type TableChange } from '../../../native/netlink/nftables-changes.ts';
import { chainOfRule, dumpRules, type WatchedFamily } from '../../../native/netlink/nftables-read.ts';

export interface RuleWatch {
  readonly table: string;
  /** That are not without a rule now. */
  chains(): readonly WatchedChains[];
  /** Puts everything in place again. */
  restore(): void;
  /** What somebody else has put beside them. */
  foreignChains(): readonly string[];
}

export interface WatchedChains {
  readonly family: WatchedFamily;
  readonly names: readonly string[];
}

const INTERVAL_MS = 100;

/**
 * Sees within a tenth of a second that somebody else has changed our tables, be it that he wiped them (`nft flush ruleset`, as firewalls
 * do at a reload) or took out an element, and has all of them put back. Costs a system call each time, since libuv can't wait for
 * netlink's own news. Where the kernel had to drop some of them, and at first, it only sees whether chains were wiped.
 */
export function watchRules(ctx: Ctx, watch: RuleWatch): Disposable {
  const netfilter = connectNetlink('netfilter');
  const news = hearTable(watch.table);
  let change: TableChange = 'lost';
  let failure: string | undefined;
  let told = '';
  const tellForeign = (): void => {
    const chains = watch.foreignChains().join(', ');
    if (chains !== '' && chains !== told)
      ctx.log.warn('Our firewall table has chains of somebody else, which stay', {
        table: watch.table,
        chains,
      });
    told = chains;
  };
  const look = (): void => {
    const next = news.take();
    // What could not be put back is still to be.
    if (change !== 'foreign' && next !== 'none') change = next;
    if (change === 'none') return;
    if (change === 'foreign' || !hasAll(netfilter, watch)) {
      watch.restore();
      ctx.log.warn('Somebody changed the firewall rules: they are in place again', { table: watch.table });
    }
    tellForeign();
    change = 'none';
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
      news[Symbol.dispose]();
      netfilter[Symbol.dispose]();
    },
  };
}

const hasAll = (netfilter: NetlinkConnection, watch: RuleWatch): boolean =>
  watch.chains().every(({ family, names }) => {
    const action = `list the rules of nftables table "${family} ${watch.table}"`;
    const message = dumpRules(family, watch.table);
    const found = new Set(netfilter.dump({ action, message }).map(chainOfRule));
    return names.every((name) => found.has(name));
  });
