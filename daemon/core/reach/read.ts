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
import { isForeign } from '../ports/foreign-chains.ts';
import type { Ruleset } from './walk.ts';

/** What the host does with packets at this moment. */
export interface HostFacts extends Disposable {
  readonly ruleset: Ruleset;
  readonly addresses: ReadonlySet<string>;
  readonly forwarding: Readonly<Record<4 | 6, boolean>>;
  readonly notes: readonly string[];
}

/** The rules of all tables but ours in `without`. Dumps take no lock that anybody waits for. Dispose of it: sets are read on demand. */
export async function readHostFacts(without: string | undefined): Promise<HostFacts> {
  const [forward4, forward6, strict, legacy] = await Promise.all([
    readValue('/proc/sys/net/ipv4/ip_forward'),
    readValue('/proc/sys/net/ipv6/conf/all/forwarding'),
    readValue('/proc/sys/net/ipv4/conf/all/rp_filter'),
    readValue('/proc/net/ip_tables_names'),
  ]);
  const netfilter = connectNetlink('netfilter');
  const dump = (action: string, message: Buffer) => netfilter.dump({ action, message });
  const allChains = dump('list the chains of nftables', dumpAllChains()).map(parseChain).filter(isPresent);
  const foreign = allChains.filter((chain) => chain.table === without && isForeign(chain));
  return {
    ruleset: {
      chains: allChains.filter(({ table }) => table !== without).concat(foreign),
      rules: dump('list the rules of nftables', dumpAllRules())
        .map(parseRule)
        .filter(isPresent)
        .filter(({ family, table, chain }) => table !== without || isForeign({ family, name: chain })),
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
      ...foreign.map(({ table, name }) => `table inet ${table} has a chain "${name}" of somebody else`),
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
