import { notImplemented } from '../../../../common/errors.ts';
import type { ContainerUpdate } from '../../../core/contract.ts';
import { readUpdateBody } from '../wire/update.ts';

/** The wire's name of each limit, and ours. */
const LIMITS = {
  BlkioWeight: 'blkioWeight',
  CpuPeriod: 'cpuPeriodUs',
  CpuQuota: 'cpuQuotaUs',
  CpuShares: 'cpuShares',
  CpusetCpus: 'cpusetCpus',
  CpusetMems: 'cpusetMems',
  Memory: 'memoryBytes',
  MemoryReservation: 'memoryReservationBytes',
  MemorySwap: 'memorySwapBytes',
  NanoCpus: 'nanoCpus',
} as const satisfies Record<string, keyof ContainerUpdate['resources']>;

const KNOWN = new Set([...Object.keys(LIMITS), 'PidsLimit', 'RestartPolicy']);

/** Zero and empty mean: as it is. Throws `not-implemented` that names what can't be changed on a container that is there. */
export function readUpdate(json: string): ContainerUpdate {
  const body = readUpdateBody(json);
  for (const [name, value] of Object.entries(body)) {
    if (!KNOWN.has(name) && asks(value)) throw notImplemented(`${name} cannot be updated`);
  }
  const limits = Object.entries(LIMITS).flatMap(([wire, own]) => {
    const value = body[wire as keyof typeof LIMITS];
    return value === undefined || !asks(value) ? [] : [{ wire, own, value }];
  });
  const { PidsLimit, RestartPolicy } = body;
  const restartPolicy =
    RestartPolicy?.Name === undefined || RestartPolicy.Name === ''
      ? undefined
      : { name: RestartPolicy.Name, maximumRetryCount: RestartPolicy.MaximumRetryCount ?? 0 };
  return {
    resources: {
      ...Object.fromEntries(limits.map(({ own, value }) => [own, value])),
      // Zero has always meant unlimited here.
      ...(PidsLimit === undefined ? {} : { pidsLimit: PidsLimit <= 0 ? -1 : PidsLimit }),
    },
    restartPolicy,
    raw: {
      ...Object.fromEntries(limits.map(({ wire, value }) => [wire, value])),
      ...(PidsLimit === undefined ? {} : { PidsLimit }),
      ...(restartPolicy === undefined
        ? {}
        : {
            RestartPolicy: {
              Name: restartPolicy.name,
              MaximumRetryCount: restartPolicy.maximumRetryCount,
            },
          }),
    },
  };
}

/** Clients send most fields with their zero value. */
const asks = (value: unknown): boolean =>
  value !== '' &&
  value !== 0 &&
  value !== false &&
  value !== null &&
  !(typeof value === 'object' && Object.keys(value).length === 0);
