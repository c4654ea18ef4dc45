import type { Device, DeviceRule, Resources, ThrottleDevice } from '../spec.ts';
import {
  also,
  flag,
  int64,
  knownProblem,
  list,
  matching,
  object,
  record,
  shown,
  text,
  uint16,
  uint32,
  uint64,
  type Check,
} from './check.ts';
import { id } from './common.ts';

type Memory = NonNullable<Resources['memory']>;
type BlockIo = NonNullable<Resources['blockIO']>;
type Network = NonNullable<Resources['network']>;

const ruleType: Check<'a' | 'b' | 'c'> = (value, at, to) =>
  (['a', 'b', 'c'] as const).find((type) => type === value) ??
  knownProblem(to, at, `invalid cgroup device type ${shown(value)}`);

const emptyIsAbsent =
  <T>(check: Check<T>): Check<T> =>
  (value, at, to) =>
    value === '' ? undefined : check(value, at, to);

const rule = object<DeviceRule>(
  {
    allow: flag,
    type: emptyIsAbsent(ruleType),
    major: int64,
    minor: int64,
    access: matching(/^[rwm]*$/, 'made of r, w and m'),
  },
  { zero: { allow: false } },
);

const rules: Check<DeviceRule[]> = also(list(rule), (all, at, to) => {
  all.forEach(({ access = '' }, index) => {
    if (access === '')
      knownProblem(to, `${at}[${index}].access`, `device access at ${index} field cannot be empty`);
  });
});

const memory: Check<Memory> = also(
  object<Memory>({
    limit: int64,
    reservation: int64,
    swap: int64,
    kernel: int64,
    kernelTCP: int64,
    swappiness: uint64,
    disableOOMKiller: flag,
    useHierarchy: flag,
    checkBeforeUpdate: flag,
  }),
  ({ limit = 0, swap = 0, swappiness = 0, kernel, kernelTCP }, at, to) => {
    if (limit > 0 && swap > 0 && swap < limit)
      knownProblem(to, `${at}.swap`, 'memory+swap limit should be >= memory limit');
    // The highest number stands for "not set" since docker's first days.
    if (swappiness > 100 && swappiness < 2 ** 63)
      knownProblem(
        to,
        `${at}.swappiness`,
        `invalid memory swappiness value: ${swappiness} (valid range is 0-100)`,
      );
    if (kernel !== undefined || kernelTCP !== undefined)
      to.warnings.push('Kernel memory settings are ignored and will be removed');
  },
);

const throttles = list(
  object<ThrottleDevice>(
    { major: int64, minor: int64, rate: uint64 },
    { zero: { major: 0, minor: 0, rate: 0 } },
  ),
);

const blockIO: Check<BlockIo> = object<BlockIo>({
  weight: uint16,
  leafWeight: uint16,
  weightDevice: list(
    object<NonNullable<BlockIo['weightDevice']>[number]>(
      { major: int64, minor: int64, weight: uint16, leafWeight: uint16 },
      { zero: { major: 0, minor: 0 } },
    ),
  ),
  throttleReadBpsDevice: throttles,
  throttleWriteBpsDevice: throttles,
  throttleReadIOPSDevice: throttles,
  throttleWriteIOPSDevice: throttles,
});

const network: Check<Network> = object<Network>({
  classID: uint32,
  priorities: list(
    object<NonNullable<Network['priorities']>[number]>(
      { name: text, priority: uint32 },
      { required: ['name'], zero: { priority: 0 } },
    ),
  ),
});

/** runtime-spec config-linux.md, "Control groups". */
export const resources: Check<Resources> = object<Resources>({
  devices: rules,
  memory,
  cpu: object<NonNullable<Resources['cpu']>>({
    shares: uint64,
    quota: int64,
    burst: uint64,
    period: uint64,
    realtimeRuntime: int64,
    realtimePeriod: uint64,
    cpus: text,
    mems: text,
    idle: int64,
  }),
  pids: object<NonNullable<Resources['pids']>>({ limit: int64 }),
  blockIO,
  hugepageLimits: list(
    object<NonNullable<Resources['hugepageLimits']>[number]>(
      // It is a part of a file's name.
      { pageSize: matching(/^[1-9][0-9]*[KMG]B$/, 'a size like 2MB'), limit: uint64 },
      { required: ['pageSize'], zero: { limit: 0 } },
    ),
  ),
  network,
  rdma: record(object<NonNullable<Resources['rdma']>[string]>({ hcaHandles: uint32, hcaObjects: uint32 })),
  unified: record(text),
});

const deviceType: Check<Device['type']> = (value, at, to) =>
  (['c', 'b', 'u', 'p'] as const).find((type) => type === value) ??
  knownProblem(to, at, `invalid device type ${shown(value)}`);

/** runtime-spec config-linux.md, "Devices". */
export const device: Check<Device> = object<Device>(
  {
    type: deviceType,
    path: matching(/./s, 'a path'),
    major: int64,
    minor: int64,
    fileMode: uint32,
    uid: id,
    gid: id,
  },
  { required: ['type', 'path'] },
);
