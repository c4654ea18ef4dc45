import type { CgroupPlace } from '../contract.ts';
import { placeOf } from '../layout.ts';
import { compact, isMax, plus, readCount, readCounts, type Count } from './numbers.ts';
import { readPressure } from './pressure.ts';

interface Entry {
  readonly limit: Count;
  readonly usage: Count;
  readonly max: Count;
  readonly failcnt: Count;
}

/** `memory` of runc's statistics, in bytes. On version 2 `swap` is memory and swap together, as version 1 counts it. */
export async function memoryStatistics({ layout, path }: CgroupPlace): Promise<object> {
  const at = placeOf(layout, { v1: 'memory', v2: 'memory' });
  if (at === undefined) return {};
  const directory = `${at.mountPoint}${path}`;
  const stat = await readCounts(`${directory}/memory.stat`);
  if (stat.size === 0) return {};
  const raw = Object.fromEntries([...stat].sort(([one], [other]) => (one < other ? -1 : 1)));
  return at.version === 1 ? memoryV1(directory, raw) : memoryV2(directory, raw);
}

type Raw = Readonly<Record<string, Count>>;

async function memoryV1(directory: string, raw: Raw): Promise<object> {
  const [usage, swap, kernel, kernelTCP] = await Promise.all(
    ['memory', 'memory.memsw', 'memory.kmem', 'memory.kmem.tcp'].map(async (name) =>
      entryV1(`${directory}/${name}`),
    ),
  );
  return compact({ cache: raw['cache'] ?? 0, usage, swap, kernel, kernelTCP, raw });
}

async function entryV1(prefix: string): Promise<Partial<Entry> | undefined> {
  const [limit = 0, usage = 0, max = 0, failcnt = 0] = await Promise.all(
    ['limit_in_bytes', 'usage_in_bytes', 'max_usage_in_bytes', 'failcnt'].map(async (name) =>
      readCount(`${prefix}.${name}`),
    ),
  );
  return entry({ limit, usage, max, failcnt });
}

const entry = (values: Entry): Partial<Entry> | undefined =>
  Object.values(values).every((value) => value === 0) ? undefined : compact(values, ['limit', 'failcnt']);

async function memoryV2(directory: string, raw: Raw): Promise<object> {
  const read = async (name: string): Promise<Count> => (await readCount(`${directory}/memory.${name}`)) ?? 0;
  const [usage, limit, peak, swapUsage, swapLimit, psi] = await Promise.all([
    read('current'),
    read('max'),
    read('peak'),
    read('swap.current'),
    read('swap.max'),
    readPressure(`${directory}/memory.pressure`),
  ]);
  const together = isMax(swapLimit) || isMax(limit) ? 'max' : plus(swapLimit, limit);
  return compact({
    cache: raw['file'] ?? 0,
    usage: entry({ limit, usage, max: peak, failcnt: 0 }),
    swap: entry({
      limit: together === 'max' ? (isMax(limit) ? limit : swapLimit) : together,
      usage: plus(swapUsage, usage),
      max: 0,
      failcnt: 0,
    }),
    raw,
    psi,
  });
}
