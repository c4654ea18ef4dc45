import { bool, text } from '../../../common/flags/flag.ts';
import { readAccountFilesOf } from '../../../runtime/rootfs-files.ts';
import type { Process } from '../../../runtime/spec.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { makeFifos } from '../io/fifos.ts';
import { logPaths } from '../io/paths.ts';
import { openStreams } from '../io/streams.ts';
import { mergeEnv } from '../spec/env.ts';
import { setUser } from '../spec/image-config.ts';
import { deleteTask } from './delete-task.ts';
import { follow } from './follow.ts';
import { specOf } from './start.ts';
import { getContainer, getTask } from './task.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';

const PROCESS_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/Process';

export const exec = defineCommand({
  usage: '[flags] CONTAINER CMD [ARG...]',
  flags: {
    cwd: text('working directory of the new process'),
    tty: bool('allocate a TTY for the container', { short: 't' }),
    detach: bool('detach from the task after it has started execution', { short: 'd' }),
    'exec-id': text('exec specific id for the process'),
    'fifo-dir': text('directory used for storing IO FIFOs'),
    'log-uri': text('log uri for custom shim logging'),
    user: text('user id or name'),
  },
  run: async ({ containerd, flags, args: [id, ...command], help }) => {
    const execId = flags['exec-id'];
    if (execId === '') {
      print(help);
      throw new Error('Required flag "exec-id" not set');
    }
    const container = await getContainer(containerd, id);
    const task = await getTask(containerd, container.id);
    const spec = { process: { ...(specOf(container).process as unknown as Process) } };
    spec.process.terminal = flags.tty;
    spec.process.args = command;
    if (flags.cwd !== '') spec.process.cwd = flags.cwd;
    if (flags.user !== '') setUser(spec, flags.user, await readAccountFilesOf(task.pid));
    if (flags.tty) spec.process.env = mergeEnv(spec.process.env ?? [], ['TERM=xterm']);
    const made =
      flags['log-uri'] === ''
        ? makeFifos(execId, { directory: flags['fifo-dir'], terminal: flags.tty })
        : undefined;
    const { stdin, stdout, stderr } = made ?? logPaths(flags['log-uri']);
    const streams = openStreams({ stdin, stdout, stderr });
    const tasks = containerd.service(Tasks);
    const name = { containerId: container.id, execId };
    try {
      await tasks.exec({
        ...{ ...name, stdin, stdout, stderr, terminal: flags.tty },
        spec: { typeUrl: PROCESS_TYPE, value: Buffer.from(JSON.stringify(spec.process)) },
      });
      if (flags.detach) {
        await tasks.start(name);
        return 0;
      }
      const start = () => tasks.start(name);
      return await follow(containerd, { name, streams, terminal: flags.tty, start });
    } finally {
      if (!flags.detach) {
        await tasks.deleteProcess(name).catch(() => undefined);
        made?.[Symbol.dispose]();
      }
    }
  },
});

export const attach = defineCommand({
  usage: 'CONTAINER',
  flags: {},
  run: async ({ containerd, args: [id] }) => {
    const container = await getContainer(containerd, id);
    const { stdin, stdout, stderr, terminal } = await getTask(containerd, container.id);
    const code = await follow(containerd, {
      name: { containerId: container.id, execId: '' },
      streams: openStreams({ stdin, stdout, stderr }),
      terminal,
      start: async () => undefined,
    });
    await deleteTask(containerd, container.id, false).catch(() => undefined);
    return code;
  },
});
