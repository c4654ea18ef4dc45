import type { CgroupPlace } from '../contract.ts';
import { hugePageSizes } from './huge-pages.ts';
import { readCount, readCounts, readNestedCounts, type Count, type NestedCounts } from './numbers.ts';

type Counts = ReadonlyMap<string, Count>;

/** What a cgroup of version 2 has in its files, in the kernel's words and units; 0 where it has no such file, the largest for `max`. */
export interface UnifiedCounts {
  readonly pids: { readonly current: Count; readonly max: Count };
  /** cpu.stat */
  readonly cpu: Counts;
  readonly memory: {
    readonly stat: Counts;
    readonly events: Counts;
    readonly current: Count;
    readonly max: Count;
    readonly swapCurrent: Count;
    readonly swapMax: Count;
  };
  /** By `major:minor`. */
  readonly io: NestedCounts;
  /** By device. */
  readonly rdma: { readonly current: NestedCounts; readonly max: NestedCounts };
  readonly hugetlb: readonly { readonly pagesize: string; readonly current: Count; readonly max: Count }[];
}

export async function unifiedCounts({ layout, path }: CgroupPlace): Promise<UnifiedCounts> {
  const directory = `${layout.unified}${path}`;
  const one = async (name: string): Promise<Count> => (await readCount(`${directory}/${name}`)) ?? 0;
  const [current, max, cpu, memory, io, rdmaCurrent, rdmaMax, hugetlb] = await Promise.all([
    ...([one('pids.current'), one('pids.max'), readCounts(`${directory}/cpu.stat`)] as const),
    ...([memoryCounts(directory, one), readNestedCounts(`${directory}/io.stat`)] as const),
    readNestedCounts(`${directory}/rdma.current`),
    readNestedCounts(`${directory}/rdma.max`),
    hugetlbCounts(directory),
  ]);
  return { pids: { current, max }, cpu, memory, io, rdma: { current: rdmaCurrent, max: rdmaMax }, hugetlb };
}

async function memoryCounts(
  directory: string,
  one: (name: string) => Promise<Count>,
): Promise<UnifiedCounts['memory']> {
  const [stat, events, current, max, swapCurrent, swapMax] = await Promise.all([
    readCounts(`${directory}/memory.stat`),
    readCounts(`${directory}/memory.events`),
    one('memory.current'),
    one('memory.max'),
    one('memory.swap.current'),
    one('memory.swap.max'),
  ]);
  return { stat, events, current, max, swapCurrent, swapMax };
}

async function hugetlbCounts(directory: string): Promise<UnifiedCounts['hugetlb']> {
  const found = await Promise.all(
    (await hugePageSizes()).map(async (pagesize) => {
      const [current, max] = await Promise.all(
        ['current', 'max'].map((name) => readCount(`${directory}/hugetlb.${pagesize}.${name}`)),
      );
      return current === undefined ? [] : [{ pagesize, current, max: max ?? 0 }];
    }),
  );
  return found.flat();
}
