import { DOCKER_NAMESPACE } from '../../../image/namespaces/docker.ts';
import type { Entry, Run } from '../containers/table.ts';
import type { Core } from '../core.ts';
import { parseTime, realTimeNs } from '../time.ts';
import { NO_STDIO } from './stdio.ts';

/**
 * What docker's verbs do, told as dockerd's containerd tells it: a container is there for as long as its task is, and an exec is added
 * when it starts. Costs nothing while nobody listens.
 */

type Parts = Pick<Core, 'tasks' | 'paths'>;

const taskOf = (id: string) => ({ namespace: DOCKER_NAMESPACE, id });

export function tellStarted({ tasks, paths }: Parts, { id, view }: Entry, { shim, runtime }: Run): void {
  const [task, { pid }] = [taskOf(id), shim];
  const stdio = { ...NO_STDIO, terminal: view.config.tty };
  tasks.tell({ ...task, kind: 'container-created', runtime: runtime?.path });
  tasks.tell({ ...task, kind: 'create', pid, bundle: paths.shim(id), rootfs: [], stdio, checkpoint: '' });
  tasks.tell({ ...task, kind: 'start', pid });
}

interface End {
  readonly exitCode: number;
  readonly finishedAt: string;
  readonly oomKilled: boolean;
}

export function tellEnded(
  { tasks }: Parts,
  { id, pid, exited }: { readonly id: string; readonly pid: number; readonly exited: End },
): void {
  const task = taskOf(id);
  const exit = { code: exited.exitCode, atNs: parseTime(exited.finishedAt) ?? realTimeNs() };
  if (exited.oomKilled) tasks.tell({ ...task, kind: 'oom' });
  tasks.tell({ ...task, kind: 'exit', execId: undefined, pid, exit });
  tasks.tell({ ...task, kind: 'delete', pid, exit });
  tasks.tell({ ...task, kind: 'container-deleted' });
}

export const tellPaused = ({ tasks }: Parts, id: string, kind: 'paused' | 'resumed'): void =>
  tasks.tell({ ...taskOf(id), kind });

interface DockerExec {
  readonly id: string;
  readonly view: { readonly containerId: string };
}

export function tellExecStarted({ tasks }: Parts, { id: execId, view }: DockerExec, pid: number): void {
  const task = taskOf(view.containerId);
  tasks.tell({ ...task, kind: 'exec-added', execId });
  tasks.tell({ ...task, kind: 'exec-started', execId, pid });
}

export function tellExecEnded(
  { tasks }: Parts,
  { id: execId, view }: DockerExec,
  { pid, exitCode }: { readonly pid: number; readonly exitCode: number },
): void {
  const exit = { code: exitCode, atNs: realTimeNs() };
  tasks.tell({ ...taskOf(view.containerId), kind: 'exit', execId, pid, exit });
}
