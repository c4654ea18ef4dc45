import { fromBinary } from '@bufbuild/protobuf';
import { bool, text } from '../../../common/flags/flag.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { printTable } from '../table.ts';
import { statusName } from './status.ts';
import { getContainer, getTask, signalNumber } from './task.ts';
import { ProcessDetailsSchema } from '../../../daemon/api/containerd/gen/containerd/runtime/runc/options_pb.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';

const WIDE = { minimum: 1, padding: 4 };

export const list = defineCommand({
  usage: '[flags]',
  flags: { quiet: bool('print only the task id', { short: 'q' }) },
  run: async ({ containerd, flags }) => {
    const { tasks } = await containerd.service(Tasks).list({});
    if (flags.quiet) {
      print(tasks.map(({ id, containerId }) => `${id || containerId}\n`).join(''));
      return 0;
    }
    const rows = tasks.map(
      ({ id, containerId, pid, status }) => `${id || containerId}\t${pid}\t${statusName(status)}`,
    );
    printTable(['TASK\tPID\tSTATUS\t', ...rows], { minimum: 4, padding: 4 });
    return 0;
  },
});

export const kill = defineCommand({
  usage: '[flags] CONTAINER',
  flags: {
    signal: text('signal to send to the container', { short: 's' }),
    'exec-id': text('process ID to kill'),
    all: bool('send signal to all processes inside the container', { short: 'a' }),
  },
  run: async ({ containerd, flags, args: [id] }) => {
    const container = await getContainer(containerd, id);
    if (flags.all && flags['exec-id'] !== '') throw new Error('specify an exec-id or all; not both');
    const stop = container.labels['io.containerd.image.config.stop-signal'];
    const signal = signalNumber(flags.signal || stop || 'SIGTERM');
    await getTask(containerd, container.id);
    const { all } = flags;
    await containerd
      .service(Tasks)
      .kill({ containerId: container.id, execId: flags['exec-id'], signal, all });
    return 0;
  },
});

export const ps = defineCommand({
  usage: 'CONTAINER',
  flags: {},
  run: async ({ containerd, args: [id] }) => {
    const container = await getContainer(containerd, id);
    await getTask(containerd, container.id);
    const { processes } = await containerd.service(Tasks).listPids({ containerId: container.id });
    const rows = processes.map(({ pid, info }) => {
      // As Go prints the message, for scripts that read it.
      const exec = info === undefined ? '' : fromBinary(ProcessDetailsSchema, info.value).execId;
      return `${pid}\t${info === undefined ? '-' : `&ProcessDetails{ExecID:${exec},XXX_unrecognized:[],}`}`;
    });
    printTable(['PID\tINFO', ...rows], WIDE);
    return 0;
  },
});

const plain = (verb: 'pause' | 'resume') =>
  defineCommand({
    usage: 'CONTAINER',
    flags: {},
    run: async ({ containerd, args: [id] }) => {
      const container = await getContainer(containerd, id);
      await getTask(containerd, container.id);
      await containerd.service(Tasks)[verb]({ containerId: container.id });
      return 0;
    },
  });
export const pause = plain('pause');
export const resume = plain('resume');
