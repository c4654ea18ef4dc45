import type { CgroupPlace } from '../contract.ts';
import { hierarchyOf, isUnified } from '../layout.ts';
import { readCgroupFile } from './files.ts';
import { compact, parseCount, readCount, readCounts, type Count } from './numbers.ts';
import { readPressure } from './pressure.ts';

/** USER_HZ is 100 on every machine that we run on (man 7 time). */
const NANOSECONDS_PER_TICK = 10_000_000;
const NANOSECONDS_PER_MICROSECOND = 1000n;

/** `cpu` of runc's statistics; times in nanoseconds. */
export async function cpuStatistics(place: CgroupPlace): Promise<object> {
  const { layout, path } = place;
  if (isUnified(layout)) return cpuV2(`${layout.unified}${path}`);
  const [accounting, cpu] = ['cpuacct', 'cpu'].map((name) => hierarchyOf(layout, name));
  const [usage, throttling] = await Promise.all([
    accounting === undefined ? {} : usageV1(`${accounting.mountPoint}${path}`),
    cpu === undefined ? {} : throttlingV1(`${cpu.mountPoint}${path}`),
  ]);
  return withoutEmpty({ usage, throttling });
}

async function usageV1(directory: string): Promise<object> {
  const file = (name: string): string => `${directory}/cpuacct.${name}`;
  const [stat, total, percpu, all] = await Promise.all([
    readCounts(file('stat')),
    readCount(file('usage')),
    readCgroupFile(file('usage_percpu')),
    readCgroupFile(file('usage_all')),
  ]);
  if (total === undefined) return {};
  const ticks = (name: string): number => Number(stat.get(name) ?? 0) * NANOSECONDS_PER_TICK;
  // A heading, then `cpu user system` for each.
  const rows = (all ?? '')
    .split('\n')
    .slice(1)
    .map((line) => line.split(' '))
    .filter((words) => words.length >= 3);
  return compact(
    {
      total,
      percpu: (percpu ?? '')
        .split(/\s+/)
        .filter((word) => word !== '')
        .map(parseCount),
      percpu_kernel: rows.map((words) => parseCount(words[2] ?? '')),
      percpu_user: rows.map((words) => parseCount(words[1] ?? '')),
      kernel: ticks('system'),
      user: ticks('user'),
    },
    ['kernel', 'user'],
  );
}

async function throttlingV1(directory: string): Promise<object> {
  const stat = await readCounts(`${directory}/cpu.stat`);
  const of = (name: string): Count => stat.get(name) ?? 0;
  return compact({
    periods: of('nr_periods'),
    throttledPeriods: of('nr_throttled'),
    throttledTime: of('throttled_time'),
  });
}

async function cpuV2(directory: string): Promise<object> {
  const [stat, psi] = await Promise.all([
    readCounts(`${directory}/cpu.stat`),
    readPressure(`${directory}/cpu.pressure`),
  ]);
  const nanoseconds = (name: string): Count =>
    parseCount(String(BigInt(stat.get(name) ?? 0) * NANOSECONDS_PER_MICROSECOND));
  const usage = compact(
    { total: nanoseconds('usage_usec'), kernel: nanoseconds('system_usec'), user: nanoseconds('user_usec') },
    ['kernel', 'user'],
  );
  const throttling = compact({
    periods: stat.get('nr_periods') ?? 0,
    throttledPeriods: stat.get('nr_throttled') ?? 0,
    throttledTime: nanoseconds('throttled_usec'),
  });
  return withoutEmpty({ usage, throttling, psi });
}

/** Leaves out what says nothing: all of it zero. */
function withoutEmpty(parts: Readonly<Record<string, object | undefined>>): object {
  return Object.fromEntries(
    Object.entries(parts).filter(
      ([name, part]) =>
        part !== undefined && (name === 'psi' || Object.values(part).some((value) => value !== 0)),
    ),
  );
}

const CPUSET_FLAGS = [
  'cpu_exclusive',
  'mem_hardwall',
  'mem_exclusive',
  'memory_migrate',
  'memory_spread_page',
  'memory_spread_slab',
  'memory_pressure',
  'sched_load_balance',
  'sched_relax_domain_level',
] as const;

/** `cpuset` of runc's statistics: of version 1 alone; what is of no use elsewhere is 0 there, as with runc. */
export async function cpusetStatistics({ layout, path }: CgroupPlace): Promise<object> {
  const hierarchy = hierarchyOf(layout, 'cpuset');
  const read = async (name: string): Promise<string | undefined> =>
    hierarchy === undefined
      ? undefined
      : (await readCgroupFile(`${hierarchy.mountPoint}${path}/cpuset.${name}`))?.trim();
  const [cpus, mems, ...flags] = await Promise.all(['cpus', 'mems', ...CPUSET_FLAGS].map(read));
  const flag = (name: (typeof CPUSET_FLAGS)[number]): number =>
    Number(flags[CPUSET_FLAGS.indexOf(name)] ?? 0);
  const { cpu_exclusive, ...others } = Object.fromEntries(CPUSET_FLAGS.map((name) => [name, flag(name)]));
  return compact({ cpus: listOf(cpus), cpu_exclusive, mems: listOf(mems), ...others }, [
    ...CPUSET_FLAGS,
  ] as never);
}

/** `0-2,5` is [0, 1, 2, 5]. */
export function listOf(ranges: string | undefined): number[] {
  return (ranges ?? '')
    .split(',')
    .filter((range) => range !== '')
    .flatMap((range) => {
      const [from = 0, to = from] = range.split('-').map(Number);
      return Array.from({ length: to - from + 1 }, (_, index) => from + index);
    });
}
