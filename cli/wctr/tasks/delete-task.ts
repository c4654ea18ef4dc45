import type { Containerd } from '../../containerd/client.ts';
import { removeFifos } from '../io/fifos.ts';
import type { ProcessName } from '../io/terminal.ts';
import { isNotFound } from '../../containerd/errors.ts';
import { removeTask } from './remove-task.ts';
import { statusName } from './status.ts';
import { signalNumber } from './task.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';
import { type Process, Status } from '../../../daemon/api/containerd/gen/containerd/types/task/task_pb.ts';

/** Deletes a task that has ended, by force one that runs, too. Returns its exit code. */
export async function deleteTask(
  containerd: Containerd,
  containerId: string,
  force: boolean,
): Promise<number> {
  const process = await prepare(containerd, { containerId, execId: '' }, force);
  const { exitStatus } = await removeTask(containerd, containerId);
  if (process !== undefined) removeFifos(process);
  return exitStatus;
}

/** The same of one of its other processes. */
export async function deleteProcess(
  containerd: Containerd,
  name: ProcessName,
  force: boolean,
): Promise<number> {
  const process = await prepare(containerd, name, force);
  const { exitStatus } = await containerd.service(Tasks).deleteProcess(name);
  if (process !== undefined) removeFifos(process);
  return exitStatus;
}

const ALIVE: ReadonlySet<Status> = new Set([Status.RUNNING, Status.PAUSED, Status.PAUSING]);

async function prepare(
  containerd: Containerd,
  name: ProcessName,
  force: boolean,
): Promise<Process | undefined> {
  const tasks = containerd.service(Tasks);
  const { process } = await tasks.get(name);
  const status = process?.status ?? Status.UNKNOWN;
  if (!ALIVE.has(status)) return process;
  if (!force) {
    const shown = statusName(status).toLowerCase();
    throw new Error(
      `${name.execId === '' ? 'task' : 'process'} must be stopped before deletion: ${shown}: failed precondition`,
    );
  }
  const exited = tasks.wait(name);
  exited.catch(() => undefined);
  try {
    await tasks.kill({ ...name, signal: signalNumber('SIGKILL'), all: name.execId === '' });
    await exited;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return process;
}
