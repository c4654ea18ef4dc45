import type { CgroupPlace } from '../contract.ts';
import { isUnified, placeOf } from '../layout.ts';
import { readCgroupFile } from './files.ts';
import { compact, parseCount, readNestedCounts, type Count } from './numbers.ts';
import { readPressure } from './pressure.ts';

interface Entry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: Count;
}

type Table = 'ioServiceBytesRecursive' | 'ioServicedRecursive';

/** `blkio` of runc's statistics. */
export async function blockIoStatistics({ layout, path }: CgroupPlace): Promise<object> {
  const at = placeOf(layout, { v1: 'blkio', v2: 'io' });
  const directory = `${at?.mountPoint ?? layout.unified}${path}`;
  if (at?.version === 1) return shown(await tablesV1(directory));
  if (!isUnified(layout)) return {};
  const [tables, psi] = await Promise.all([tablesV2(directory), readPressure(`${directory}/io.pressure`)]);
  return { ...shown(tables), ...(psi === undefined ? {} : { psi }) };
}

type Tables = Readonly<Record<string, readonly Entry[]>>;

const shown = (tables: Tables): object =>
  compact(
    Object.fromEntries(
      Object.entries(tables).map(([name, list]) => [name, list.map((each) => compact(each))]),
    ),
  );

/** The tables of each scheduler in turn: those of the first one that keeps any count. */
const KINDS: readonly Readonly<Record<string, string>>[] = [
  {
    sectorsRecursive: 'bfq.sectors_recursive',
    ioServiceTimeRecursive: 'bfq.io_service_time_recursive',
    ioWaitTimeRecursive: 'bfq.io_wait_time_recursive',
    ioMergedRecursive: 'bfq.io_merged_recursive',
    ioQueueRecursive: 'bfq.io_queued_recursive',
    ioTimeRecursive: 'bfq.time_recursive',
    ioServicedRecursive: 'bfq.io_serviced_recursive',
    ioServiceBytesRecursive: 'bfq.io_service_bytes_recursive',
  },
  {
    ioServicedRecursive: 'bfq.io_serviced_recursive',
    ioServiceBytesRecursive: 'bfq.io_service_bytes_recursive',
  },
  {
    sectorsRecursive: 'sectors_recursive',
    ioServiceTimeRecursive: 'io_service_time_recursive',
    ioWaitTimeRecursive: 'io_wait_time_recursive',
    ioMergedRecursive: 'io_merged_recursive',
    ioQueueRecursive: 'io_queued_recursive',
    ioTimeRecursive: 'time_recursive',
    ioServicedRecursive: 'io_serviced_recursive',
    ioServiceBytesRecursive: 'io_service_bytes_recursive',
  },
  {
    ioServicedRecursive: 'throttle.io_serviced_recursive',
    ioServiceBytesRecursive: 'throttle.io_service_bytes_recursive',
  },
  { ioServicedRecursive: 'throttle.io_serviced', ioServiceBytesRecursive: 'throttle.io_service_bytes' },
];

/** runc's order of the fields. */
const ORDER = [
  'ioServiceBytesRecursive',
  'ioServicedRecursive',
  'ioQueueRecursive',
  'ioServiceTimeRecursive',
  'ioWaitTimeRecursive',
  'ioMergedRecursive',
  'ioTimeRecursive',
  'sectorsRecursive',
];

async function tablesV1(directory: string): Promise<Tables> {
  for (const kind of KINDS) {
    const lists = await Promise.all(
      ORDER.filter((name) => name in kind).map(
        async (name) => [name, await readTable(`${directory}/blkio.${kind[name]}`)] as const,
      ),
    );
    if (lists.every(([, list]) => list.length > 0)) return Object.fromEntries(lists);
  }
  return {};
}

/** Lines `major:minor [operation] value`; the sums at the end are left out. */
async function readTable(path: string): Promise<Entry[]> {
  const text = (await readCgroupFile(path)) ?? '';
  return text.split('\n').flatMap((line) => {
    const match = /^(\d+):(\d+)(?: (\w+))? (\d+)$/.exec(line);
    if (match === null) return [];
    const [, major, minor, op = '', value = ''] = match;
    return [{ major: Number(major), minor: Number(minor), op, value: parseCount(value) }];
  });
}

/** Keys of io.stat, in the terms of version 1. */
const KEYS: Readonly<Record<string, { readonly table: Table; readonly op: string }>> = {
  rbytes: { table: 'ioServiceBytesRecursive', op: 'Read' },
  wbytes: { table: 'ioServiceBytesRecursive', op: 'Write' },
  rios: { table: 'ioServicedRecursive', op: 'Read' },
  wios: { table: 'ioServicedRecursive', op: 'Write' },
};

async function tablesV2(directory: string): Promise<Tables> {
  const devices = await readNestedCounts(`${directory}/io.stat`);
  const entries = devices.flatMap(([device, counts]) => {
    const [major, minor] = device.split(':').map(Number);
    return [...counts].flatMap(([key, value]) => {
      const known = KEYS[key];
      if (known === undefined || major === undefined || minor === undefined) return [];
      return [{ table: known.table, entry: { major, minor, op: known.op, value } }];
    });
  });
  const of = (name: Table): Entry[] =>
    entries.filter(({ table }) => table === name).map(({ entry }) => entry);
  return {
    ioServiceBytesRecursive: of('ioServiceBytesRecursive'),
    ioServicedRecursive: of('ioServicedRecursive'),
  };
}
