import { fromBinary } from '@bufbuild/protobuf';
import { text } from '../../../common/flags/flag.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { goMessage } from '../go-message.ts';
import { printTable } from '../table.ts';
import { goTime } from '../times.ts';
import { getContainer, getTask } from './task.ts';
import {
  MetricsSchema as V1Schema,
  type Metrics as V1,
} from '../../../daemon/api/containerd/gen/containerd/cgroups/v1/metrics_pb.ts';
import {
  MetricsSchema as V2Schema,
  type Metrics as V2,
} from '../../../daemon/api/containerd/gen/containerd/cgroups/v2/metrics_pb.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';

const WIDE = { minimum: 1, padding: 4 };

export const metrics = defineCommand({
  usage: 'CONTAINER',
  flags: { format: text('"table" or "json"', { initial: 'table', shown: '"table"' }) },
  run: async ({ containerd, flags, args: [id] }) => {
    const container = await getContainer(containerd, id);
    await getTask(containerd, container.id);
    const { metrics: found } = await containerd.service(Tasks).metrics({ filters: [`id==${container.id}`] });
    const [metric] = found;
    if (metric?.data === undefined) throw new Error('no metrics received');
    const { typeUrl, value } = metric.data;
    const isV2 = typeUrl.includes('v2');
    const schema = isV2 ? V2Schema : V1Schema;
    if (flags.format === 'json') {
      print(`${JSON.stringify(goMessage(schema, fromBinary(schema, value)), undefined, 2)}\n`);
      return 0;
    }
    if (flags.format !== 'table') throw new Error('not supported format');
    printTable(['ID\tTIMESTAMP\t', `${metric.id}\t${goTime(metric.timestamp)}\t`], WIDE);
    print('\n');
    const rows = isV2 ? rowsOfV2(fromBinary(V2Schema, value)) : rowsOfV1(fromBinary(V1Schema, value));
    printTable(['METRIC\tVALUE\t', ...rows.map(([name, shown]) => `${name}\t${shown}\t`)], WIDE);
    return 0;
  },
});

type Row = readonly [name: string, value: bigint | string];

function rowsOfV1({ memory, cpu, pids }: V1): Row[] {
  return [
    ...(memory === undefined
      ? []
      : ([
          ['memory.usage_in_bytes', memory.usage?.usage ?? 0n],
          ['memory.limit_in_bytes', memory.usage?.limit ?? 0n],
          ['memory.stat.cache', memory.totalCache],
        ] as const)),
    ...(cpu === undefined
      ? []
      : ([
          ['cpuacct.usage', cpu.usage?.total ?? 0n],
          ['cpuacct.usage_percpu', `[${(cpu.usage?.perCpu ?? []).join(' ')}]`],
        ] as const)),
    ...(pids === undefined
      ? []
      : ([
          ['pids.current', pids.current],
          ['pids.limit', pids.limit],
        ] as const)),
  ];
}

function rowsOfV2({ memory, cpu, pids }: V2): Row[] {
  return [
    ...(pids === undefined
      ? []
      : ([
          ['pids.current', pids.current],
          ['pids.limit', pids.limit],
        ] as const)),
    ...(cpu === undefined
      ? []
      : ([
          ['cpu.usage_usec', cpu.usageUsec],
          ['cpu.user_usec', cpu.userUsec],
          ['cpu.system_usec', cpu.systemUsec],
          ['cpu.nr_periods', cpu.nrPeriods],
          ['cpu.nr_throttled', cpu.nrThrottled],
          ['cpu.throttled_usec', cpu.throttledUsec],
        ] as const)),
    ...(memory === undefined
      ? []
      : ([
          ['memory.usage', memory.usage],
          ['memory.usage_limit', memory.usageLimit],
          ['memory.swap_usage', memory.swapUsage],
          ['memory.swap_limit', memory.swapLimit],
        ] as const)),
  ];
}
