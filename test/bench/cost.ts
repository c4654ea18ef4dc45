import { kill } from 'node:process';
import { exec } from '../lib/process.ts';
import type { Daemon } from '../lib/daemon.ts';
import { attempt, type Attempt } from './deadline.ts';
import { row } from './engine.ts';
import { ownedKib } from './memory.ts';
import type { Row } from './table.ts';

/** What something takes that leaves processes and rules behind. */
export interface Cost extends Attempt {
  readonly kib: number;
  readonly rules: number;
}

export async function costOf(
  daemon: Daemon,
  { act, limitMs }: { readonly act: () => Promise<unknown>; readonly limitMs: number },
): Promise<Cost> {
  const [kib, rules] = [await ownedKib(daemon), await rulesOf(daemon)];
  const attempted = await attempt(act, limitMs);
  return {
    ...attempted,
    kib: (await ownedKib(daemon)) - kib,
    rules: (await rulesOf(daemon)) - rules,
  };
}

/** Of both; the budgets are of ours to theirs. */
export function costRows(
  what: string,
  [ours, theirs]: readonly [Cost, Cost],
  budget: Readonly<Partial<Record<'ms' | 'kib' | 'rules', number>>>,
): Row[] {
  if (ours.error !== undefined || ours.gaveUp) throw new Error(`${what}: ${ours.error ?? 'gave up'}`);
  const { gaveUp, error } = theirs;
  const named = error === undefined ? what : `${what} (dockerd failed: ${error})`;
  const pair = (key: 'ms' | 'kib' | 'rules') => ({
    ...{ ours: ours[key], theirs: theirs[key] },
    ...{ budget: budget[key], gaveUp: gaveUp || error !== undefined },
  });
  return [
    row(named, pair('ms')),
    row('  memory of its processes, PSS', { ...pair('kib'), unit: 'KiB' }),
    row('  rules', { ...pair('rules'), unit: 'rules' }),
  ];
}

/** Of nftables, and of iptables where that keeps its own. nft begins anew for as long as somebody changes what it lists. */
async function rulesOf({ pid, netnsPid }: Daemon): Promise<number> {
  const count = 'nft -a list ruleset | grep -c " # handle"; iptables-legacy-save 2>/dev/null | grep -c ^-A';
  const words = ['nsenter', `--net=/proc/${netnsPid}/ns/net`, '--', 'sh', '-c', count];
  kill(pid, 'SIGSTOP');
  const { stdout } = await exec(words, { timeoutMs: 60_000 }).finally(() => kill(pid, 'SIGCONT'));
  return stdout
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line), 0);
}
