import type { Container, ContainerSample, InterfaceCounters } from '../../../core/contract.ts';
import { countsToJson, type Count } from '../../../../runtime/cgroup/live/numbers.ts';
import { ZERO_TIME } from './state.ts';

type Numbers = Readonly<Record<string, Count | undefined>>;

/** The parts of runc's statistics that docker shows. */
interface Usage {
  readonly cpu: {
    readonly usage?: Numbers & { readonly percpu?: readonly Count[] };
    readonly throttling?: Numbers;
  };
  readonly memory: { readonly usage?: Numbers; readonly raw?: Numbers };
  readonly pids: Numbers;
  readonly blkio: Readonly<Record<string, readonly Numbers[] | undefined>>;
}

/**
 * One line of `GET /containers/x/stats`. `before` is what the client was told last: without it `precpu_stats` is empty. A
 * container that does not run has no sample, and all is zero.
 */
export function showStats(
  { id, name }: Pick<Container, 'id' | 'name'>,
  sample: ContainerSample | undefined,
  before: ContainerSample | undefined,
): string {
  const usage = sample?.usage as Usage | undefined;
  const networks = Object.entries(sample?.networks ?? {});
  const shown = {
    name: `/${name}`,
    id,
    read: sample?.readAt ?? ZERO_TIME,
    preread: before?.readAt ?? ZERO_TIME,
    pids_stats: present({ current: usage?.pids['current'], limit: usage?.pids['limit'] }),
    blkio_stats: blockIo(usage),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu(sample),
    precpu_stats: cpu(before),
    memory_stats: memory(usage, sample?.hostMemoryBytes ?? 0),
    ...(networks.length === 0
      ? {}
      : { networks: Object.fromEntries(networks.map(([key, counters]) => [key, network(counters)])) }),
  };
  return `${countsToJson(shown)}\n`;
}

function cpu(sample: ContainerSample | undefined): object {
  const { usage, throttling } = (sample?.usage as Usage | undefined)?.cpu ?? {};
  return {
    cpu_usage: {
      total_usage: usage?.['total'] ?? 0,
      ...present({ percpu_usage: usage?.percpu }),
      usage_in_kernelmode: usage?.['kernel'] ?? 0,
      usage_in_usermode: usage?.['user'] ?? 0,
    },
    ...(sample === undefined ? {} : { system_cpu_usage: sample.hostCpuNs, online_cpus: sample.onlineCpus }),
    throttling_data: {
      periods: throttling?.['periods'] ?? 0,
      throttled_periods: throttling?.['throttledPeriods'] ?? 0,
      throttled_time: throttling?.['throttledTime'] ?? 0,
    },
  };
}

/** No limit is the host's memory. Version 2 keeps no peak that docker would show. */
function memory(usage: Usage | undefined, hostMemoryBytes: number): object {
  if (usage === undefined) return {};
  const { limit = 0, usage: used, max, failcnt } = usage.memory.usage ?? {};
  const raw = usage.memory.raw ?? {};
  const isV1 = 'total_inactive_file' in raw;
  const bounded = limit === 0 || limit > hostMemoryBytes ? hostMemoryBytes : limit;
  return present({
    usage: used,
    ...(isV1 ? { max_usage: max } : {}),
    stats: raw,
    ...(isV1 ? { failcnt: failcnt === 0 ? undefined : failcnt } : {}),
    limit: bounded,
  });
}

const TABLES = {
  io_service_bytes_recursive: 'ioServiceBytesRecursive',
  io_serviced_recursive: 'ioServicedRecursive',
  io_queue_recursive: 'ioQueueRecursive',
  io_service_time_recursive: 'ioServiceTimeRecursive',
  io_wait_time_recursive: 'ioWaitTimeRecursive',
  io_merged_recursive: 'ioMergedRecursive',
  io_time_recursive: 'ioTimeRecursive',
  sectors_recursive: 'sectorsRecursive',
} as const;

function blockIo(usage: Usage | undefined): object {
  return Object.fromEntries(
    Object.entries(TABLES).map(([name, key]) => [
      name,
      usage?.blkio[key]?.map(({ major = 0, minor = 0, op = '', value = 0 }) => ({
        major,
        minor,
        op,
        value,
      })) ?? null,
    ]),
  );
}

const network = (counters: InterfaceCounters): object => ({
  rx_bytes: counters.rxBytes,
  rx_packets: counters.rxPackets,
  rx_errors: counters.rxErrors,
  rx_dropped: counters.rxDropped,
  tx_bytes: counters.txBytes,
  tx_packets: counters.txPackets,
  tx_errors: counters.txErrors,
  tx_dropped: counters.txDropped,
});

const present = (fields: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
