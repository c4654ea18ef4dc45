import type { CgroupPlace } from '../contract.ts';
import { placeOf } from '../layout.ts';
import { cpusetStatistics, cpuStatistics } from './cpu.ts';
import { hugePageSizes } from './huge-pages.ts';
import { blockIoStatistics } from './io.ts';
import { memoryStatistics } from './memory.ts';
import { compact, isMax, readCount, readCounts, type Count } from './numbers.ts';
import { processes } from './processes.ts';

/**
 * What `runc events --stats` says of a container but for its network interfaces: runc's types/events.go, in the order and with
 * the omissions of its JSON. Counts may be bigint: `countsToJson` writes them.
 */
export interface Statistics {
  readonly cpu: object;
  readonly cpuset: object;
  readonly memory: object;
  readonly pids: { readonly current?: Count; readonly limit?: Count };
  readonly blkio: object;
  readonly hugetlb: Readonly<Record<string, object>>;
  readonly intel_rdt: object;
}

export async function statistics(place: CgroupPlace): Promise<Statistics> {
  const [cpu, cpuset, memory, pids, blkio, hugetlb] = await Promise.all([
    cpuStatistics(place),
    cpusetStatistics(place),
    memoryStatistics(place),
    pidsStatistics(place),
    blockIoStatistics(place),
    hugetlbStatistics(place),
  ]);
  return { cpu, cpuset, memory, pids, blkio, hugetlb, intel_rdt: {} };
}

async function pidsStatistics(place: CgroupPlace): Promise<Statistics['pids']> {
  const at = placeOf(place.layout, { v1: 'pids', v2: 'pids' });
  const directory = `${at?.mountPoint}${place.path}`;
  const current = at === undefined ? undefined : await readCount(`${directory}/pids.current`);
  if (current === undefined) return compact({ current: (await processes(place)).length });
  const limit = (await readCount(`${directory}/pids.max`)) ?? 0;
  return compact({ current, limit: isMax(limit) ? 0 : limit });
}

async function hugetlbStatistics({ layout, path }: CgroupPlace): Promise<Statistics['hugetlb']> {
  const at = placeOf(layout, { v1: 'hugetlb', v2: 'hugetlb' });
  if (at === undefined) return {};
  const sizes = await hugePageSizes();
  const entries = await Promise.all(
    sizes.map(async (size) => {
      const prefix = `${at.mountPoint}${path}/hugetlb.${size}`;
      const entry = await (at.version === 1 ? hugetlbV1(prefix) : hugetlbV2(prefix));
      return entry === undefined ? [] : [[size, compact(entry, ['failcnt'])] as const];
    }),
  );
  return Object.fromEntries(entries.flat());
}

interface HugePages {
  readonly usage: Count;
  readonly max: Count;
  readonly failcnt: Count;
}

async function hugetlbV1(prefix: string): Promise<HugePages | undefined> {
  for (const kind of [`${prefix}.rsvd`, prefix]) {
    const [usage, max, failcnt] = await Promise.all(
      ['usage_in_bytes', 'max_usage_in_bytes', 'failcnt'].map(async (name) => readCount(`${kind}.${name}`)),
    );
    if (usage !== undefined) return { usage, max: max ?? 0, failcnt: failcnt ?? 0 };
  }
  return undefined;
}

async function hugetlbV2(prefix: string): Promise<HugePages | undefined> {
  const usage = (await readCount(`${prefix}.rsvd.current`)) ?? (await readCount(`${prefix}.current`));
  if (usage === undefined) return undefined;
  return { usage, max: 0, failcnt: (await readCounts(`${prefix}.events`)).get('max') ?? 0 };
}
