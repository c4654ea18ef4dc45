import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { connectNetlink } from '../../../native/netlink/connection.ts';
import {
  dumpAllChains,
  dumpAllRules,
  dumpElements,
  parseChain,
  parseElements,
  parseRule,
} from '../../../native/netlink/nftables-ruleset.ts';
import { isPresent } from '../networks/bridge.ts';
import type { Ruleset } from './walk.ts';

/** What the host does with packets at this moment. */
export interface HostFacts extends Disposable {
  readonly ruleset: Ruleset;
  readonly addresses: ReadonlySet<string>;
  readonly forwarding: Readonly<Record<4 | 6, boolean>>;
  readonly notes: readonly string[];
}

/** The rules of all tables but `without`. Dumps take no lock that anybody waits for. Dispose of it: sets are read on demand. */
export async function readHostFacts(without: string | undefined): Promise<HostFacts> {
  const [forward4, forward6, strict, legacy] = await Promise.all([
    readValue('/proc/sys/net/ipv4/ip_forward'),
    readValue('/proc/sys/net/ipv6/conf/all/forwarding'),
    readValue('/proc/sys/net/ipv4/conf/all/rp_filter'),
    readValue('/proc/net/ip_tables_names'),
  ]);
  const netfilter = connectNetlink('netfilter');
  const dump = (action: string, message: Buffer) => netfilter.dump({ action, message });
  const others = <T extends { readonly table: string }>(each: T): boolean => each.table !== without;
  return {
    ruleset: {
      chains: dump('list the chains of nftables', dumpAllChains())
        .map(parseChain)
        .filter(isPresent)
        .filter(others),
      rules: dump('list the rules of nftables', dumpAllRules())
        .map(parseRule)
        .filter(isPresent)
        .filter(others),
      elements: (family, table, set) =>
        dump(`list nftables set "${family} ${table} ${set}"`, dumpElements(family, table, set)).flatMap(
          parseElements,
        ),
    },
    addresses: new Set(
      Object.values(networkInterfaces())
        .flatMap((list) => list ?? [])
        .map(({ address }) => address),
    ),
    forwarding: { 4: forward4 === '1', 6: forward6 === '1' },
    notes: [
      ...(legacy.split('\n').includes('filter')
        ? ['iptables-legacy has a table "filter", which can not be read: it may drop more']
        : []),
      ...(strict === '1'
        ? ['net.ipv4.conf.all.rp_filter is 1: who comes in by another link than answers go out by is dropped']
        : []),
    ],
    [Symbol.dispose]: () => netfilter[Symbol.dispose](),
  };
}

/** '' where the kernel has no such file. */
const readValue = async (path: string): Promise<string> =>
  (await readFile(path, 'utf8').catch(() => '')).trim();
