import { bool, text } from '../../../common/flags/flag.ts';
import { asError } from '../../containerd/errors.ts';
import { defineCommand } from '../command.ts';
import { logLine } from '../log-line.ts';
import { deleteProcess, deleteTask } from './delete-task.ts';
import { getContainer, getTask } from './task.ts';

export const remove = defineCommand({
  usage: '[flags] CONTAINER [CONTAINER, ...]',
  flags: {
    force: bool('force delete task process', { short: 'f' }),
    'exec-id': text('process ID to kill'),
  },
  run: async ({ containerd, flags, args }) => {
    const execId = flags['exec-id'];
    if (execId !== '') {
      const container = await getContainer(containerd, args[0]);
      await getTask(containerd, container.id);
      return deleteProcess(containerd, { containerId: container.id, execId }, flags.force);
    }
    let failure: Error | undefined;
    for (const id of args) {
      try {
        await getContainer(containerd, id);
        await getTask(containerd, id);
      } catch (error) {
        failure ??= asError(error);
        logLine('error', `failed to load task from ${id}`, error);
        continue;
      }
      try {
        const code = await deleteTask(containerd, id, flags.force);
        if (code !== 0) logLine('warning', `task ${id} exit with non-zero exit code ${code}`);
      } catch (error) {
        failure ??= asError(error);
        logLine('error', `unable to delete ${id}`, error);
      }
    }
    if (failure !== undefined) throw failure;
    return 0;
  },
});
