import { invalidArgument } from '../../common/errors.ts';
import type { Resources, ThrottleDevice } from '../spec.ts';
import type { Write } from './contract.ts';

/**
 * Limits as files of version 1 controllers (Documentation/admin-guide/cgroup-v1), in the order in which the kernel takes them.
 * 0 and absent are "untouched" but where the kernel knows a 0; -1 is the kernel's "unlimited". A `fresh` cgroup has no limit
 * yet, so each file needs one write; a living one may refuse a value until another one is changed, so some are tried twice.
 */
export type Writer = (resources: Resources, fresh: boolean) => Write[];

type Value = number | string | undefined;

export const write = (file: string, value: Value, options: Omit<Write, 'file' | 'text'> = {}): Write[] =>
  value === undefined || value === '' ? [] : [{ file, text: String(value), ...options }];

/** For files and controllers that a kernel may lack without harm. */
export const OPTIONAL = { ignoreOpen: ['ENOENT'] } as const;

/** 0 is how configurations say "unset". */
export const unlessZero = (value: number | undefined): number | undefined =>
  value === 0 ? undefined : value;

/** Memory and swap together may not be below memory at any time. */
export const memoryV1: Writer = ({ memory: limits }, fresh) => {
  if (limits === undefined) return [];
  const limit = unlessZero(limits.limit);
  const swap = unlessZero(limits.swap) ?? (limit === -1 ? -1 : undefined);
  // Without swap accounting there is no such file.
  const memsw = write('memory.memsw.limit_in_bytes', swap, OPTIONAL);
  const first =
    fresh || limit === undefined ? [] : memsw.map((each) => ({ ...each, ignoreWrite: ['EINVAL'] }));
  return [
    ...first,
    ...write('memory.limit_in_bytes', limit),
    ...memsw,
    ...write('memory.soft_limit_in_bytes', unlessZero(limits.reservation)),
    ...write('memory.kmem.tcp.limit_in_bytes', unlessZero(limits.kernelTCP), OPTIONAL),
    ...write('memory.oom_control', limits.disableOOMKiller === true ? 1 : undefined),
    ...write('memory.swappiness', swappiness(limits.swappiness)),
  ];
};

function swappiness(value: number | undefined): number | undefined {
  if (value === undefined || value === -1) return undefined;
  if (value >= 0 && value <= 100) return value;
  throw invalidArgument(`invalid memory swappiness value: ${value} (valid range is 0-100)`);
}

const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** The kernel would clamp them without a word. */
export function checkShares(shares: number | undefined): number | undefined {
  const value = unlessZero(shares);
  if (value === undefined) return undefined;
  if (value > MAX_SHARES) throw invalidArgument(`the maximum allowed cpu-shares is ${MAX_SHARES}`);
  if (value < MIN_SHARES) throw invalidArgument(`the minimum allowed cpu-shares is ${MIN_SHARES}`);
  return value;
}

/** Quota, period and burst bound each other, and the parent's share bounds them. */
export const cpuV1: Writer = ({ cpu: limits }, fresh) => {
  if (limits === undefined) return [];
  const quota = write('cpu.cfs_quota_us', unlessZero(limits.quota));
  const period = write('cpu.cfs_period_us', unlessZero(limits.period));
  const burst = write('cpu.cfs_burst_us', limits.burst, OPTIONAL);
  return [
    ...write('cpu.shares', checkShares(limits.shares)),
    ...bounded({ quota, period, burst, fresh }),
    ...write('cpu.idle', limits.idle),
    ...realtime(limits, fresh),
  ];
};

function bounded(values: { quota: Write[]; period: Write[]; burst: Write[]; fresh: boolean }): Write[] {
  const { quota, period, burst, fresh } = values;
  if (quota.length === 0) return [...period, ...burst];
  if (fresh) return [...period, ...quota, ...burst];
  return [...tentative(period), ...tentative(burst), ...quota, ...period, ...burst];
}

const realtime = (limits: NonNullable<Resources['cpu']>, fresh: boolean): Write[] => {
  const period = write('cpu.rt_period_us', unlessZero(limits.realtimePeriod));
  const runtime = write('cpu.rt_runtime_us', unlessZero(limits.realtimeRuntime));
  if (runtime.length === 0 || fresh) return [...period, ...runtime];
  return [...tentative(period), ...runtime, ...period];
};

/** The last word is said after the value that it depends on. */
export const tentative = (writes: readonly Write[]): Write[] =>
  writes.map((each) => ({ ...each, ignoreWrite: ['EINVAL'] }));

export const cpuset: Writer = ({ cpu }) => [
  ...write('cpuset.cpus', cpu?.cpus),
  ...write('cpuset.mems', cpu?.mems),
];

/** Less than 0 is "unlimited"; no container runs with 0, which runc and systemd take as 1. */
export const pids: Writer = ({ pids: limits }) => {
  if (limits?.limit === undefined) return [];
  return write('pids.max', limits.limit < 0 ? 'max' : Math.max(limits.limit, 1));
};

/** CFQ's files are gone since 5.0, BFQ's are there when it is built and in use. */
export const blockIoV1: Writer = ({ blockIO: limits }) => {
  if (limits === undefined) return [];
  const weight = unlessZero(limits.weight);
  return [
    ...either('blkio.weight', 'blkio.bfq.weight', weight),
    ...write('blkio.leaf_weight', unlessZero(limits.leafWeight), OPTIONAL),
    ...(limits.weightDevice ?? []).flatMap((device) => {
      const text = (value: number | undefined): string | undefined =>
        unlessZero(value) === undefined ? undefined : `${device.major}:${device.minor} ${value}`;
      return [
        ...either('blkio.weight_device', 'blkio.bfq.weight_device', text(device.weight)),
        ...write('blkio.leaf_weight_device', text(device.leafWeight), OPTIONAL),
      ];
    }),
    ...throttles('blkio.throttle.read_bps_device', limits.throttleReadBpsDevice),
    ...throttles('blkio.throttle.write_bps_device', limits.throttleWriteBpsDevice),
    ...throttles('blkio.throttle.read_iops_device', limits.throttleReadIOPSDevice),
    ...throttles('blkio.throttle.write_iops_device', limits.throttleWriteIOPSDevice),
  ];
};

/** Advisory, so without either file there is nothing to do. */
const either = (file: string, other: string, value: Value): Write[] =>
  write(file, value).map((each) => ({ ...each, otherwise: { ...each, file: other, ...OPTIONAL } }));

const throttles = (file: string, devices: readonly ThrottleDevice[] | undefined): Write[] =>
  (devices ?? []).flatMap(({ major, minor, rate }) => write(file, `${major}:${minor} ${rate}`));

/** Reservations are limited too where the kernel (5.7) counts them: without that a container is killed when it touches them. */
export const hugetlb =
  (suffix: 'limit_in_bytes' | 'max'): Writer =>
  ({ hugepageLimits = [] }) =>
    hugepageLimits.flatMap(({ pageSize, limit }) => [
      ...write(`hugetlb.${pageSize}.${suffix}`, limit),
      ...write(`hugetlb.${pageSize}.rsvd.${suffix}`, limit, OPTIONAL),
    ]);

export const networkClass: Writer = ({ network }) => write('net_cls.classid', unlessZero(network?.classID));

export const networkPriority: Writer = ({ network }) =>
  (network?.priorities ?? []).flatMap(({ name, priority }) =>
    write('net_prio.ifpriomap', `${name} ${priority}`),
  );

export const rdma: Writer = ({ rdma: devices = {} }) =>
  Object.entries(devices).flatMap(([device, { hcaHandles, hcaObjects }]) => {
    const handles = hcaHandles === undefined ? '' : ` hca_handle=${hcaHandles}`;
    const objects = hcaObjects === undefined ? '' : ` hca_object=${hcaObjects}`;
    return write('rdma.max', `${device}${handles}${objects}`);
  });
