import type { HostResources } from '../contract.ts';
import type { KernelLimits } from '../kernel-limits.ts';

interface Rule {
  /** Whether the request has to do without. */
  readonly lacks: (resources: HostResources, kernel: KernelLimits) => boolean;
  /** Docker's words. */
  readonly says: string;
  readonly without: (resources: HostResources) => Partial<HostResources>;
}

type Key = keyof KernelLimits;
const set = (value: number | undefined): boolean => (value ?? 0) > 0;
const rule = (
  key: Key,
  asks: (resources: HostResources) => boolean,
  rest: { readonly says: string; readonly without: Rule['without'] },
): Rule => ({
  lacks: (resources, kernel) => !kernel[key] && asks(resources),
  says: rest.says,
  without: rest.without,
});

const unsupported = (what: string, lost: string): string =>
  `Your kernel does not support ${what} or the cgroup is not mounted. ${lost}`;

const device = (key: Key & keyof HostResources['blkioDevices'], what: string, lost: string): Rule =>
  rule(key, ({ blkioDevices }) => blkioDevices[key].length > 0, {
    says: unsupported(what, lost),
    without: ({ blkioDevices }) => ({ blkioDevices: { ...blkioDevices, [key]: [] } }),
  });

/** In docker's order (verifyPlatformContainerResources), which says nothing of the TCP buffers that it does without. */
const RULES: readonly Rule[] = [
  rule('memory', ({ memoryBytes }) => set(memoryBytes), {
    says: unsupported('memory limit capabilities', 'Limitation discarded.'),
    without: () => ({ memoryBytes: undefined, memorySwapBytes: -1 }),
  }),
  rule('swap', ({ memoryBytes, memorySwapBytes }) => set(memoryBytes) && memorySwapBytes !== -1, {
    says: unsupported('swap limit capabilities', 'Memory limited without swap.'),
    without: () => ({ memorySwapBytes: -1 }),
  }),
  rule('swappiness', ({ memorySwappiness }) => memorySwappiness !== undefined, {
    says: unsupported('memory swappiness capabilities', 'Memory swappiness discarded.'),
    without: () => ({ memorySwappiness: undefined }),
  }),
  rule('reservation', ({ memoryReservationBytes }) => set(memoryReservationBytes), {
    says: unsupported('memory soft limit capabilities', 'Limitation discarded.'),
    without: () => ({ memoryReservationBytes: undefined }),
  }),
  rule('kernelMemory', ({ kernelMemoryBytes }) => set(kernelMemoryBytes), {
    says: unsupported('kernel memory limit capabilities', 'Limitation discarded.'),
    without: () => ({ kernelMemoryBytes: undefined }),
  }),
  rule('kernelMemoryTcp', ({ kernelMemoryTcpBytes }) => set(kernelMemoryTcpBytes), {
    says: unsupported('kernel memory TCP limit capabilities', 'Limitation discarded.'),
    without: () => ({ kernelMemoryTcpBytes: undefined }),
  }),
  rule('oomKillDisable', ({ oomKillDisable }) => oomKillDisable, {
    says: 'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
    without: () => ({ oomKillDisable: false }),
  }),
  {
    lacks: ({ oomKillDisable, memoryBytes }) => oomKillDisable && memoryBytes === undefined,
    says:
      'OOM killer is disabled for the container, but no memory limit is set, ' +
      'this can result in the system running out of resources.',
    without: () => ({}),
  },
  rule('pids', ({ pidsLimit }) => set(pidsLimit), {
    says: unsupported('PIDs limit capabilities', 'PIDs limit discarded.'),
    without: () => ({ pidsLimit: undefined }),
  }),
  rule('cpuShares', ({ cpuShares }) => set(cpuShares), {
    says: unsupported('CPU shares', 'Shares discarded.'),
    without: () => ({ cpuShares: undefined }),
  }),
  rule('cpuQuota', ({ cpuPeriodUs, cpuQuotaUs }) => (cpuPeriodUs ?? cpuQuotaUs) !== undefined, {
    says: 'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
    without: () => ({ cpuPeriodUs: undefined, cpuQuotaUs: undefined }),
  }),
  rule('cpuset', ({ cpusetCpus, cpusetMems }) => cpusetCpus !== '' || cpusetMems !== '', {
    says: unsupported('cpuset', 'Cpuset discarded.'),
    without: () => ({ cpusetCpus: '', cpusetMems: '' }),
  }),
  rule('blkioWeight', ({ blkioWeight }) => set(blkioWeight), {
    says: unsupported('Block I/O weight', 'Weight discarded.'),
    without: () => ({ blkioWeight: undefined }),
  }),
  rule('blkioWeightDevice', ({ blkioDevices }) => blkioDevices.weight.length > 0, {
    says: unsupported('Block I/O weight_device', 'Weight-device discarded.'),
    without: ({ blkioDevices }) => ({ blkioDevices: { ...blkioDevices, weight: [] } }),
  }),
  device('readBps', 'BPS Block I/O read limit', 'Block I/O BPS read limit discarded.'),
  device('writeBps', 'BPS Block I/O write limit', 'Block I/O BPS write limit discarded.'),
  device('readIops', 'IOPS Block read limit', 'Block I/O IOPS read limit discarded.'),
  device('writeIops', 'IOPS Block write limit', 'Block I/O IOPS write limit discarded.'),
];

export interface Fitted {
  readonly resources: HostResources;
  readonly warnings: readonly string[];
}

/** The limits without those that the kernel does not have, each with docker's warning. Pure. */
export function fitResources(asked: HostResources, kernel: KernelLimits): Fitted {
  let resources = asked;
  const warnings: string[] = [];
  for (const { lacks, says, without } of RULES) {
    if (!lacks(resources, kernel)) continue;
    warnings.push(says);
    resources = { ...resources, ...without(resources) };
  }
  return { resources, warnings };
}
