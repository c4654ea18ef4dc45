import { shortId } from '../format/ids.ts';
import type { Row } from '../format/listing.ts';
import { binarySize, humanSize } from '../format/units.ts';

/** One line of `GET /containers/x/stats`, as far as the table shows it. */
export interface StatsMessage {
  readonly id?: string;
  readonly name?: string;
  readonly pids_stats?: { readonly current?: number };
  readonly cpu_stats?: CpuStats;
  readonly precpu_stats?: CpuStats;
  readonly memory_stats?: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null;
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
}

interface CpuStats {
  readonly cpu_usage?: { readonly total_usage?: number; readonly percpu_usage?: readonly number[] };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

export const STATS_HEADERS: Row = {
  Container: 'CONTAINER',
  Name: 'NAME',
  ID: 'CONTAINER ID',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
  PIDs: 'PIDS',
};

/** A row of `stats`; dashes before the first message. */
export function statsRow(asked: string, message: StatsMessage | undefined, short: boolean): Row {
  if (message === undefined) {
    const none = '--';
    const pair = `${none} / ${none}`;
    return {
      ...{ Container: asked, Name: none, ID: none, CPUPerc: none, MemUsage: pair },
      ...{ MemPerc: none, NetIO: none, BlockIO: none, PIDs: none },
    };
  }
  const { id = '', name = '', memory_stats: memory = {} } = message;
  const [used, limit] = [usedMemory(memory), memory.limit ?? 0];
  const networks = Object.values(message.networks ?? {});
  const received = sum(networks.map(({ rx_bytes }) => rx_bytes));
  const sent = sum(networks.map(({ tx_bytes }) => tx_bytes));
  return {
    Container: asked,
    Name: name.replace(/^\//, ''),
    ID: short ? shortId(id) : id,
    CPUPerc: percent(cpuPercent(message)),
    MemUsage: `${binarySize(used)} / ${binarySize(limit)}`,
    MemPerc: percent(limit === 0 ? 0 : (used / limit) * 100),
    NetIO: `${humanSize(received)} / ${humanSize(sent)}`,
    BlockIO: `${humanSize(blockIo(message, 'r'))} / ${humanSize(blockIo(message, 'w'))}`,
    PIDs: message.pids_stats?.current ?? 0,
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const percent = (value: number): string => `${value.toFixed(2)}%`;

/** The numbers of a row, for who draws them. Bytes are counted since the container's start. */
export interface Measured {
  readonly cpuPercent: number;
  /** From 0 to 1. */
  readonly memory: number;
  readonly networkBytes: number;
  readonly blockBytes: number;
}

export function measure(message: StatsMessage): Measured {
  const { memory_stats: memory = {} } = message;
  const networks = Object.values(message.networks ?? {});
  return {
    cpuPercent: cpuPercent(message),
    memory: (memory.limit ?? 0) === 0 ? 0 : usedMemory(memory) / (memory.limit ?? 1),
    networkBytes: sum(networks.map(({ rx_bytes, tx_bytes }) => rx_bytes + tx_bytes)),
    blockBytes: blockIo(message, 'r') + blockIo(message, 'w'),
  };
}

/** Without the cache that can be dropped: version 1 has the first of the names, version 2 the second. */
function usedMemory({ usage = 0, stats = {} }: NonNullable<StatsMessage['memory_stats']>): number {
  const inactive = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

function cpuPercent({ cpu_stats: now = {}, precpu_stats: before = {} }: StatsMessage): number {
  const used = (now.cpu_usage?.total_usage ?? 0) - (before.cpu_usage?.total_usage ?? 0);
  const host = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || (now.cpu_usage?.percpu_usage?.length ?? 0);
  return used > 0 && host > 0 ? (used / host) * cpus * 100 : 0;
}

const blockIo = ({ blkio_stats }: StatsMessage, letter: 'r' | 'w'): number =>
  sum(
    (blkio_stats?.io_service_bytes_recursive ?? [])
      .filter(({ op }) => op.toLowerCase().startsWith(letter))
      .map(({ value }) => value),
  );
