import type { DeviceRule, Resources } from '../../../runtime/spec.ts';
import type { HostResources } from '../contract.ts';
import type { BlkioNumbers } from './blkio.ts';

const CPU_PERIOD_US = 100_000;
/** The kernel's own limits of cpu.shares. */
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** Docker's limits in the specification's words. Pure. `devices` are the rules for devices. */
export function makeResources(
  from: HostResources,
  devices: DeviceRule[],
  blkio: BlkioNumbers = {},
): Resources {
  const weight = from.blkioWeight === undefined ? {} : { weight: from.blkioWeight };
  return {
    devices,
    memory: memory(from),
    cpu: cpu(from),
    ...(from.pidsLimit === undefined ? {} : { pids: { limit: from.pidsLimit } }),
    ...(Object.keys({ ...weight, ...blkio }).length === 0 ? {} : { blockIO: { ...weight, ...blkio } }),
  };
}

/** A memory limit without one for swap allows as much swap again. */
function memory(from: HostResources): NonNullable<Resources['memory']> {
  const { memoryBytes, memoryReservationBytes, memorySwapBytes, memorySwappiness } = from;
  const swap = memorySwapBytes ?? (memoryBytes === undefined ? undefined : memoryBytes * 2);
  return {
    ...(memoryBytes === undefined ? {} : { limit: memoryBytes }),
    ...(memoryReservationBytes === undefined ? {} : { reservation: memoryReservationBytes }),
    ...(swap === undefined ? {} : { swap }),
    ...(memorySwappiness === undefined ? {} : { swappiness: memorySwappiness }),
    ...(from.oomKillDisable ? { disableOOMKiller: true } : {}),
    ...(from.kernelMemoryBytes === undefined ? {} : { kernel: from.kernelMemoryBytes }),
    ...(from.kernelMemoryTcpBytes === undefined ? {} : { kernelTCP: from.kernelMemoryTcpBytes }),
  };
}

function cpu(from: HostResources): NonNullable<Resources['cpu']> {
  const { nanoCpus, cpuShares, cpuPeriodUs, cpuQuotaUs, cpusetCpus, cpusetMems } = from;
  const { cpuRealtimePeriodUs, cpuRealtimeRuntimeUs } = from;
  const period = nanoCpus === undefined ? cpuPeriodUs : CPU_PERIOD_US;
  const quota = nanoCpus === undefined ? cpuQuotaUs : Math.round((nanoCpus * CPU_PERIOD_US) / 1e9);
  return {
    ...(cpuShares === undefined ? {} : { shares: Math.min(Math.max(cpuShares, MIN_SHARES), MAX_SHARES) }),
    ...(period === undefined ? {} : { period }),
    ...(quota === undefined ? {} : { quota }),
    ...(cpuRealtimePeriodUs === undefined ? {} : { realtimePeriod: cpuRealtimePeriodUs }),
    ...(cpuRealtimeRuntimeUs === undefined ? {} : { realtimeRuntime: cpuRealtimeRuntimeUs }),
    ...(cpusetCpus === '' ? {} : { cpus: cpusetCpus }),
    ...(cpusetMems === '' ? {} : { mems: cpusetMems }),
  };
}
