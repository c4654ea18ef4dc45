import { create, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Packed } from '../../../core/containerd/contract.ts';
import type { TaskStatistics } from '../../../core/tasks/contract.ts';
import { MetricsSchema as MetricsV1 } from '../gen/containerd/cgroups/v1/metrics_pb.ts';
import { MetricsSchema as MetricsV2 } from '../gen/containerd/cgroups/v2/metrics_pb.ts';
import { metricsV2 } from './metrics-v2.ts';

/** What runc's statistics have, and the messages of containerd's cgroups want. */
interface Numbers {
  readonly [name: string]: Value;
}
type Value = number | bigint | string | readonly Value[] | Numbers | undefined;

/** What a cgroup's files say, as containerd's clients know it: one message a version of cgroups. */
export function metricsToAny(told: TaskStatistics): Packed {
  if (told.version === '2')
    return {
      typeUrl: MetricsV2.typeName,
      value: toBinary(MetricsV2, create(MetricsV2, metricsV2(told.counts))),
    };
  const parts = told.statistics as unknown as Numbers;
  return { typeUrl: MetricsV1.typeName, value: toBinary(MetricsV1, create(MetricsV1, metricsV1(parts))) };
}

function metricsV1(all: Numbers): MessageInitShape<typeof MetricsV1> {
  const [cpu, memory, blkio] = [part(all, 'cpu'), part(all, 'memory'), part(all, 'blkio')];
  const [usage, throttling] = [part(cpu, 'usage'), part(cpu, 'throttling')];
  const stat = part(memory, 'raw');
  return {
    pids: { current: count(part(all, 'pids'), 'current'), limit: count(part(all, 'pids'), 'limit') },
    cpu: {
      usage: {
        ...counts(usage, ['total', 'kernel', 'user']),
        perCpu: items(usage, 'percpu').map((each) => toCount(each)),
      },
      throttling: {
        periods: count(throttling, 'periods'),
        throttledPeriods: count(throttling, 'throttledPeriods'),
        throttledTime: count(throttling, 'throttledTime'),
      },
    },
    memory: {
      ...memoryStat(stat, ''),
      ...memoryStat(stat, 'total_'),
      hierarchicalMemoryLimit: count(stat, 'hierarchical_memory_limit'),
      hierarchicalSwapLimit: count(stat, 'hierarchical_memsw_limit'),
      usage: entry(memory, 'usage'),
      swap: entry(memory, 'swap'),
      kernel: entry(memory, 'kernel'),
      kernelTcp: entry(memory, 'kernelTCP'),
    },
    blkio: blockIo(blkio),
    hugetlb: Object.entries(part(all, 'hugetlb')).map(([pagesize, sizes]) => ({
      pagesize,
      ...counts(sizes as Numbers, ['usage', 'max', 'failcnt']),
    })),
    memoryOomControl: {},
  };
}

/** The kernel's words for what the message calls otherwise. */
const STAT = {
  cache: 'cache',
  rss: 'rss',
  rss_huge: 'rssHuge',
  mapped_file: 'mappedFile',
  dirty: 'dirty',
  writeback: 'writeback',
  pgpgin: 'pgPgIn',
  pgpgout: 'pgPgOut',
  pgfault: 'pgFault',
  pgmajfault: 'pgMajFault',
  inactive_anon: 'inactiveAnon',
  active_anon: 'activeAnon',
  inactive_file: 'inactiveFile',
  active_file: 'activeFile',
  unevictable: 'unevictable',
} as const;

const memoryStat = (stat: Numbers, prefix: '' | 'total_'): Record<string, bigint> =>
  Object.fromEntries(
    Object.entries(STAT).map(([kernels, field]) => [
      prefix === '' ? field : `total${field.charAt(0).toUpperCase()}${field.slice(1)}`,
      count(stat, `${prefix}${kernels}`),
    ]),
  );

const entry = (memory: Numbers, name: string): Record<string, bigint> =>
  counts(part(memory, name), ['limit', 'usage', 'max', 'failcnt']);

const BLKIO = {
  ioServiceBytesRecursive: 'ioServiceBytesRecursive',
  ioServicedRecursive: 'ioServicedRecursive',
  ioQueueRecursive: 'ioQueuedRecursive',
  ioServiceTimeRecursive: 'ioServiceTimeRecursive',
  ioWaitTimeRecursive: 'ioWaitTimeRecursive',
  ioMergedRecursive: 'ioMergedRecursive',
  ioTimeRecursive: 'ioTimeRecursive',
  sectorsRecursive: 'sectorsRecursive',
} as const;

const blockIo = (blkio: Numbers): Record<string, object[]> =>
  Object.fromEntries(
    Object.entries(BLKIO).map(([ours, theirs]) => [
      theirs,
      items(blkio, ours).map((each) => {
        const { op, ...rest } = each as Numbers;
        return {
          op: typeof op === 'string' ? op : '',
          device: '',
          ...counts(rest, ['major', 'minor', 'value']),
        };
      }),
    ]),
  );

const part = (from: Numbers, name: string): Numbers => (from[name] as Numbers | undefined) ?? {};
const items = (from: Numbers, name: string): readonly Value[] =>
  (from[name] as readonly Value[] | undefined) ?? [];
const toCount = (value: Value): bigint =>
  typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : 0n;
const count = (from: Numbers, name: string): bigint => toCount(from[name]);
const counts = (from: Numbers, names: readonly string[]): Record<string, bigint> =>
  Object.fromEntries(names.map((name) => [name, count(from, name)]));
