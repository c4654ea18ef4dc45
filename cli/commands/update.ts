import { invalidArgument, messageOf } from '../../common/errors.ts';
import { text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { createFlags } from '../container/flags.ts';
import { parseRestartBackoff, parseRestartPolicy } from '../container/values.ts';
import { print } from '../output.ts';
import { containerPath, forEach } from './each.ts';

const { cpus, memory } = createFlags;

export const update = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: {
    'blkio-weight': createFlags['blkio-weight'],
    'cpu-period': createFlags['cpu-period'],
    'cpu-quota': createFlags['cpu-quota'],
    'cpu-rt-period': createFlags['cpu-rt-period'],
    'cpu-rt-runtime': createFlags['cpu-rt-runtime'],
    'cpu-shares': createFlags['cpu-shares'],
    cpus,
    'cpuset-cpus': createFlags['cpuset-cpus'],
    'cpuset-mems': createFlags['cpuset-mems'],
    'kernel-memory': createFlags['kernel-memory'],
    memory,
    'memory-reservation': createFlags['memory-reservation'],
    'memory-swap': createFlags['memory-swap'],
    'pids-limit': createFlags['pids-limit'],
    restart: text('When to start again after the container exits'),
    'restart-backoff': createFlags['restart-backoff'],
  },
  arity: [1],
  run: async ({ daemon, flags, changed, args }) => {
    if (changed.size === 0)
      throw invalidArgument('you must provide one or more flags when using this command');
    const json = {
      BlkioWeight: flags['blkio-weight'],
      CpuPeriod: flags['cpu-period'],
      CpuQuota: flags['cpu-quota'],
      CpuRealtimePeriod: flags['cpu-rt-period'],
      CpuRealtimeRuntime: flags['cpu-rt-runtime'],
      KernelMemory: flags['kernel-memory'],
      CpuShares: flags['cpu-shares'],
      CpusetCpus: flags['cpuset-cpus'],
      CpusetMems: flags['cpuset-mems'],
      Memory: flags.memory,
      MemoryReservation: flags['memory-reservation'],
      MemorySwap: flags['memory-swap'],
      NanoCpus: flags.cpus,
      PidsLimit: flags['pids-limit'],
      RestartPolicy: {
        ...(changed.has('restart') ? policyOf(flags.restart) : {}),
        ...parseRestartBackoff(flags['restart-backoff']),
      },
    };
    const warnings: string[] = [];
    const status = await forEach(args, async (name) => {
      const answer = await daemon.send({ method: 'POST', path: containerPath(name, '/update'), json });
      const { Warnings } = JSON.parse(await answer.text()) as { Warnings: readonly string[] | null };
      warnings.push(...(Warnings ?? []));
    });
    if (warnings.length > 0) print(`${warnings.join('\n')}\n`);
    return status;
  },
});

function policyOf(given: string): object {
  try {
    return parseRestartPolicy(given);
  } catch (error) {
    throw invalidArgument(messageOf(error), { cause: error });
  }
}
