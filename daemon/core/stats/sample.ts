import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { statistics } from '../../../runtime/cgroup/live/statistics.ts';
import { cgroupPathOf } from '../cgroups.ts';
import type { Entry } from '../containers/table.ts';
import type { ContainerSample, InterfaceCounters } from '../contract.ts';
import type { Core } from '../core.ts';
import { formatTime, realTimeNs } from '../time.ts';

/** What a container uses now; undefined when it does not run. */
export async function takeSample(core: Core, entry: Entry): Promise<ContainerSample | undefined> {
  const { run } = entry;
  if (run === undefined) return undefined;
  const hasInterfaces = entry.view.sandbox !== undefined && entry.view.sandbox.kind !== 'host';
  const [usage, host, networks] = await Promise.all([
    statistics({ layout: core.host.cgroups, path: cgroupPathOf(core, entry.view) }),
    readFile('/proc/stat', 'utf8').then(parseHostCpu),
    hasInterfaces ? interfacesOf(run.shim.pid) : {},
  ]);
  // Its files may have gone while they were read.
  if (entry.run !== run) return undefined;
  return { readAt: formatTime(realTimeNs()), usage, ...host, networks, hostMemoryBytes: totalmem() };
}

/** USER_HZ is 100 on every machine that we run on (man 7 time). */
const NS_PER_TICK = 10_000_000n;
/** user to softirq: guests are counted in user already. */
const COUNTED_FIELDS = 7;

/** From /proc/stat (man 5 proc_stat). */
export function parseHostCpu(text: string): Pick<ContainerSample, 'hostCpuNs' | 'onlineCpus'> {
  const lines = text.split('\n');
  const [, ...fields] = (lines.find((line) => line.startsWith('cpu ')) ?? '').split(/\s+/);
  const ticks = fields.slice(0, COUNTED_FIELDS).reduce((sum, field) => sum + BigInt(field), 0n);
  return {
    hostCpuNs: ticks * NS_PER_TICK,
    onlineCpus: lines.filter((line) => /^cpu\d/.test(line)).length,
  };
}

/** Of the network namespace of a process, without its loopback. */
async function interfacesOf(pid: number): Promise<ContainerSample['networks']> {
  const text = await readFile(`/proc/${pid}/net/dev`, 'utf8').catch(() => '');
  return parseInterfaces(text);
}

/** From /proc/net/dev: two lines of headings, then `name: ` and sixteen counters, eight for each direction. */
export function parseInterfaces(text: string): ContainerSample['networks'] {
  const rows = text.split('\n').slice(2);
  const interfaces = rows.flatMap((line): [string, InterfaceCounters][] => {
    const [name = '', counters = ''] = line.split(':');
    if (counters === '' || name.trim() === 'lo') return [];
    const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0, , , , , ...sent] = counters
      .trim()
      .split(/\s+/)
      .map(Number);
    const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = sent;
    const received = { rxBytes, rxPackets, rxErrors, rxDropped };
    return [[name.trim(), { ...received, txBytes, txPackets, txErrors, txDropped }]];
  });
  return Object.fromEntries(interfaces);
}
