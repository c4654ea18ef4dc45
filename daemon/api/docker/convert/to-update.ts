import type { ContainerUpdate } from '../../../core/contract.ts';
import { differs, type ApiVersion } from '../versions.ts';
import { readUpdateBody } from '../wire/update.ts';
import type { RestartPolicyBody } from '../wire/restart-policy.ts';
import { toRestartPolicy } from './restart-policy.ts';

/** The wire's name of each limit, and ours. */
const LIMITS = {
  BlkioWeight: 'blkioWeight',
  CpuPeriod: 'cpuPeriodUs',
  CpuQuota: 'cpuQuotaUs',
  CpuRealtimePeriod: 'cpuRealtimePeriodUs',
  CpuRealtimeRuntime: 'cpuRealtimeRuntimeUs',
  CpuShares: 'cpuShares',
  CpusetCpus: 'cpusetCpus',
  CpusetMems: 'cpusetMems',
  KernelMemory: 'kernelMemoryBytes',
  Memory: 'memoryBytes',
  MemoryReservation: 'memoryReservationBytes',
  MemorySwap: 'memorySwapBytes',
  NanoCpus: 'nanoCpus',
} as const satisfies Record<string, keyof ContainerUpdate['resources']>;

/** What an update takes. */
export const UPDATABLE: ReadonlySet<string> = new Set([...Object.keys(LIMITS), 'PidsLimit', 'RestartPolicy']);

/**
 * Zero and empty mean: as it is. What can't be changed on a container that is there docker takes and drops; we drop it with a warning.
 */
export function readUpdate(
  json: string,
  version: ApiVersion,
): { readonly change: ContainerUpdate; readonly warnings: readonly string[] } {
  const body = readUpdateBody(json);
  const limits = Object.entries(LIMITS).flatMap(([wire, own]) => {
    const value = body[wire as keyof typeof LIMITS];
    const isGone = wire === 'KernelMemory' && !differs.takesKernelMemory(version);
    return value === undefined || !asks(value) || isGone ? [] : [{ wire, own, value }];
  });
  const { RestartPolicy } = body;
  const PidsLimit = differs.updatesPidsLimit(version) ? body.PidsLimit : undefined;
  const restartPolicy = RestartPolicy === undefined ? undefined : readPolicy(RestartPolicy);
  const change: ContainerUpdate = {
    resources: {
      ...Object.fromEntries(limits.map(({ own, value }) => [own, value])),
      // Zero has always meant unlimited here.
      ...(PidsLimit === undefined ? {} : { pidsLimit: PidsLimit <= 0 ? -1 : PidsLimit }),
    },
    restartPolicy,
    raw: {
      ...Object.fromEntries(limits.map(({ wire, value }) => [wire, value])),
      ...(PidsLimit === undefined ? {} : { PidsLimit }),
    },
  };
  const dropped = Object.entries(body).filter(([name, value]) => !UPDATABLE.has(name) && asks(value));
  return { change, warnings: dropped.map(([name]) => `${name} cannot be updated. ${name} discarded.`) };
}

/** Without a name the policy stays, and only a back-off is set. */
function readPolicy(body: RestartPolicyBody): ContainerUpdate['restartPolicy'] {
  const { name, maximumRetryCount, backoff } = toRestartPolicy(body, {});
  const ofName = (body.Name ?? '') === '' ? {} : { name, maximumRetryCount };
  const policy = { ...ofName, ...(backoff === undefined ? {} : { backoff }) };
  return Object.keys(policy).length === 0 ? undefined : policy;
}

/** Clients send most fields with their zero value. */
const asks = (value: unknown): boolean =>
  value !== '' &&
  value !== 0 &&
  value !== false &&
  value !== null &&
  !(typeof value === 'object' && Object.keys(value).length === 0);
