import type { EngineInfo } from '../../../core/contract.ts';

/** Fields of `GET /info` for what the host's cgroups can limit. */
export const showLimits = ({ limits, cgroupVersion, ipv4Forwarding }: EngineInfo): object => ({
  MemoryLimit: limits.memory,
  SwapLimit: limits.swap,
  CpuCfsPeriod: limits.cpuQuota,
  CpuCfsQuota: limits.cpuQuota,
  CPUShares: limits.cpuShares,
  CPUSet: limits.cpuset,
  PidsLimit: limits.pids,
  IPv4Forwarding: ipv4Forwarding,
  OomKillDisable: cgroupVersion === '1' && limits.oomKillDisable,
});

/** What docker calls each on version 1 of cgroups, and on version 2; undefined: nobody expects it there. */
const NAMES = [
  ['memory', 'memory limit', 'memory limit'],
  ['swap', 'swap limit', 'swap limit'],
  ['oomKillDisable', 'oom kill disable', undefined],
  ['cpuQuota', 'cpu cfs quota', 'cpu cfs quota'],
  ['cpuQuota', 'cpu cfs period', 'cpu cfs period'],
  ['cpuShares', 'cpu shares', 'cpu shares'],
  ['cpuset', 'cpuset', 'cpuset'],
  ['blkioWeight', 'blkio weight', 'io.weight'],
  ['blkioWeightDevice', 'blkio weight_device', 'io.weight (per device)'],
  ['readBps', 'blkio throttle.read_bps_device', 'io.max (rbps)'],
  ['writeBps', 'blkio throttle.write_bps_device', 'io.max (wbps)'],
  ['readIops', 'blkio throttle.read_iops_device', 'io.max (riops)'],
  ['writeIops', 'blkio throttle.write_iops_device', 'io.max (wiops)'],
] as const satisfies readonly (readonly [keyof EngineInfo['limits'], string, string | undefined])[];

/** Docker's lines at the end of `info` for what the host lacks. */
export function limitWarnings({ limits, cgroupVersion, ipv4Forwarding }: EngineInfo): string[] {
  const lacking = NAMES.filter(([limit]) => !limits[limit])
    .map(([, first, second]) => (cgroupVersion === '1' ? first : second))
    .filter((name) => name !== undefined);
  return [
    ...lacking.map((name) => `WARNING: No ${name} support`),
    ...(ipv4Forwarding ? [] : ['WARNING: IPv4 forwarding is disabled']),
  ];
}
