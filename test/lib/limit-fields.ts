import { cgroupVersion } from './requires.ts';

/** What a request asks for, and where the container sees it. */
export interface LimitCase {
  /** Into the body, or the part of it. */
  readonly ask: object;
  /** Run in the container by a shell, unless `ask` has a command; it prints what `says` matches. */
  readonly script?: string;
  readonly says?: RegExp;
  /** Why it is refused; where `warned` is given too, or `says`, only on some hosts. */
  readonly refused?: RegExp;
  readonly warned?: RegExp;
  readonly version?: string;
}

type Seen = readonly [file: string, says: RegExp];

const isFirst = cgroupVersion() === 1;

/** Files on version 1 of cgroups, and on version 2. */
export const limited = (first: Seen, second: Seen): Pick<LimitCase, 'script' | 'says'> => {
  const [file, says] = isFirst ? first : second;
  return { script: `cat /sys/fs/cgroup/${isFirst ? '*/' : ''}${file}`, says };
};

export const same = (file: string, says: RegExp): Pick<LimitCase, 'script' | 'says'> =>
  limited([file, says], [file, says]);

export const KERNEL_LACKS = /kernel does not support|not supported by your kernel|is not mounted/i;
const REALTIME =
  /^(Cannot update container \w+: )?(cpu real-time runtime cannot be higher than|kernel does not support CPU real-time)/;

/** Docker's limits that a container can be made with, and given later. */
export const LIMITS: Readonly<Record<string, LimitCase>> = {
  CpuShares: { ask: { CpuShares: 99 }, ...limited(['cpu.shares', /^99$/m], ['cpu.weight', /^17$/]) },
  Memory: {
    ask: { Memory: 64 << 20 },
    ...limited(['memory.limit_in_bytes', /^67108864$/], ['memory.max', /^67108864$/]),
  },
  NanoCpus: {
    ask: { NanoCpus: 5e8 },
    ...limited(['cpu.cfs_quota_us', /^50000$/m], ['cpu.max', /^50000 100000$/]),
  },
  BlkioWeight: {
    ask: { BlkioWeight: 500 },
    script: 'cat /sys/fs/cgroup/*/blkio*.weight /sys/fs/cgroup/io.*weight 2>/dev/null',
    // The kernel's own scale of 1 to 10000, or that of BFQ.
    says: isFirst ? /^500$/m : /^default (500|4950)$/m,
    warned: KERNEL_LACKS,
  },
  CpuPeriod: {
    ask: { CpuPeriod: 50_000 },
    ...limited(['cpu.cfs_period_us', /^50000$/m], ['cpu.max', /^max 50000$/]),
  },
  CpuQuota: {
    ask: { CpuQuota: 20_000 },
    ...limited(['cpu.cfs_quota_us', /^20000$/m], ['cpu.max', /^20000 100000$/]),
  },
  CpuRealtimePeriod: { ask: { CpuRealtimePeriod: 1000, CpuRealtimeRuntime: 2000 }, refused: REALTIME },
  CpuRealtimeRuntime: { ask: { CpuRealtimeRuntime: 2000, CpuRealtimePeriod: 1000 }, refused: REALTIME },
  CpusetCpus: { ask: { CpusetCpus: '0' }, ...same('cpuset.cpus', /^0$/) },
  CpusetMems: { ask: { CpusetMems: '0' }, ...same('cpuset.mems', /^0$/) },
  KernelMemory: {
    ask: { KernelMemory: 5 },
    version: 'v1.41',
    refused: /Minimum kernel memory limit allowed is 6MB$/,
    warned: KERNEL_LACKS,
  },
  MemoryReservation: {
    ask: { MemoryReservation: 32 << 20 },
    ...limited(['memory.soft_limit_in_bytes', /^33554432$/], ['memory.low', /^33554432$/]),
  },
  MemorySwap: {
    ask: { Memory: 64 << 20, MemorySwap: 96 << 20 },
    ...limited(['memory.memsw.limit_in_bytes', /^100663296$/], ['memory.swap.max', /^33554432$/]),
    warned: KERNEL_LACKS,
  },
  PidsLimit: { ask: { PidsLimit: 33 }, ...same('pids.max', /^33$/) },
};
