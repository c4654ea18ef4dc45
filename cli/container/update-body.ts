import { invalidArgument, messageOf } from '../../common/errors.ts';
import { text, type Values } from '../../common/flags/flag.ts';
import { createFlags } from './flags.ts';
import { parseRestartBackoff, parseRestartPolicy } from './values.ts';

/** What can be changed while a container runs: the flags of `update`. */
export const updateFlags = {
  'blkio-weight': createFlags['blkio-weight'],
  'cpu-period': createFlags['cpu-period'],
  'cpu-quota': createFlags['cpu-quota'],
  'cpu-rt-period': createFlags['cpu-rt-period'],
  'cpu-rt-runtime': createFlags['cpu-rt-runtime'],
  'cpu-shares': createFlags['cpu-shares'],
  cpus: createFlags.cpus,
  'cpuset-cpus': createFlags['cpuset-cpus'],
  'cpuset-mems': createFlags['cpuset-mems'],
  'kernel-memory': createFlags['kernel-memory'],
  memory: createFlags.memory,
  'memory-reservation': createFlags['memory-reservation'],
  'memory-swap': createFlags['memory-swap'],
  'pids-limit': createFlags['pids-limit'],
  restart: text('When to start again after the container exits'),
  'restart-backoff': createFlags['restart-backoff'],
};

/** The API's body of `POST /containers/x/update`, undefined for what no flag sets. */
export function updateBody(
  flags: Values<typeof updateFlags>,
  changed: ReadonlySet<string>,
): Readonly<Record<string, unknown>> {
  return {
    BlkioWeight: flags['blkio-weight'],
    CpuPeriod: flags['cpu-period'],
    CpuQuota: flags['cpu-quota'],
    CpuRealtimePeriod: flags['cpu-rt-period'],
    CpuRealtimeRuntime: flags['cpu-rt-runtime'],
    KernelMemory: flags['kernel-memory'],
    CpuShares: flags['cpu-shares'],
    CpusetCpus: flags['cpuset-cpus'] || undefined,
    CpusetMems: flags['cpuset-mems'] || undefined,
    Memory: flags.memory,
    MemoryReservation: flags['memory-reservation'],
    MemorySwap: flags['memory-swap'],
    NanoCpus: flags.cpus,
    PidsLimit: flags['pids-limit'],
    RestartPolicy: policyOf(flags, changed),
  };
}

function policyOf(flags: Values<typeof updateFlags>, changed: ReadonlySet<string>): object | undefined {
  const policy = {
    ...(changed.has('restart') ? readPolicy(flags.restart) : {}),
    ...parseRestartBackoff(flags['restart-backoff']),
  };
  return Object.keys(policy).length === 0 ? undefined : policy;
}

function readPolicy(given: string): object {
  try {
    return parseRestartPolicy(given);
  } catch (error) {
    throw invalidArgument(messageOf(error), { cause: error });
  }
}
