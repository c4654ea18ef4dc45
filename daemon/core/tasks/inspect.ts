import { processes } from '../../../runtime/cgroup/live/processes.ts';
import { isUnified } from '../../../runtime/cgroup/layout.ts';
import { statistics } from '../../../runtime/cgroup/live/statistics.ts';
import { unifiedCounts } from '../../../runtime/cgroup/live/unified.ts';
import { DOCKER_NAMESPACE } from '../../../image/namespaces/docker.ts';
import type { Entry, Run } from '../containers/table.ts';
import { parseTime, realTimeNs } from '../time.ts';
import { cgroupOf } from './cgroup.ts';
import type { ProcessExit, ProcessRef, TaskProcess, TaskRef, Tasks, TaskStatistics } from './contract.ts';
import { dockerTask, findTask, type Task } from './find.ts';
import type { TaskParts } from './parts.ts';
import type { ProcessEntry } from './process.ts';
import { NO_STDIO } from './stdio.ts';
import { processStatus, statusOf } from './status.ts';
import { exitOf } from './table.ts';

/** Tasks.get. */
export async function getProcess(parts: TaskParts, ref: ProcessRef): Promise<TaskProcess> {
  const task = await findTask(parts, ref);
  if (ref.execId !== undefined) return showProcess(parts.core.tasks.exec(ref));
  return showTask(task, ref);
}

/** Tasks.list. */
export async function listTasks({ core }: TaskParts, namespace: string): Promise<readonly TaskProcess[]> {
  if (namespace !== DOCKER_NAMESPACE)
    return core.tasks
      .tasksOf(namespace)
      .filter(({ state }) => state.kind !== 'creating')
      .map(showProcess);
  return [...core.table.all()].flatMap(({ id }) => {
    const task = dockerTask(core, id);
    return task === undefined ? [] : [showTask(task, { namespace, id })];
  });
}

function showTask(task: Task, { namespace, id }: TaskRef): TaskProcess {
  if (task.kind === 'own') return showProcess(task.entry);
  const { run, entry } = task;
  const stdio = { ...NO_STDIO, terminal: entry.view.config.tty };
  return {
    ...{ namespace, id, execId: undefined, stdio, exit: undefined },
    ...{ pid: run.shim.pid, status: statusOf(task) },
  };
}

function showProcess({ ref, state, fixed }: ProcessEntry): TaskProcess {
  return {
    ...ref,
    pid: 'pid' in state ? state.pid : 0,
    status: processStatus(state),
    stdio: fixed.stdio,
    exit: state.kind === 'stopped' ? exitOf(state) : undefined,
  };
}

/** Tasks.wait. */
export async function waitFor(parts: TaskParts, ref: ProcessRef): Promise<ProcessExit> {
  const task = await findTask(parts, ref);
  if (ref.execId !== undefined) return parts.core.tasks.exec(ref).ended.promise;
  if (task.kind === 'own') return task.entry.ended.promise;
  return dockersEnd(task.entry, task.run);
}

async function dockersEnd(entry: Entry, run: Run): Promise<ProcessExit> {
  await run.ended;
  const { state } = entry.view;
  const code = 'exitCode' in state ? state.exitCode : 0;
  return { code, atNs: ('finishedAt' in state ? parseTime(state.finishedAt) : undefined) ?? realTimeNs() };
}

/** Tasks.pids. */
export async function listPids(parts: TaskParts, ref: TaskRef): ReturnType<Tasks['pids']> {
  const { core } = parts;
  const place = cgroupOf(core, await findTask(parts, ref));
  if (place === undefined) return [];
  const execs = new Map(
    core.tasks.execsOf(ref).flatMap(({ ref: { execId }, shim }) => (shim ? [[shim.pid, execId]] : [])),
  );
  const pids = await processes(place);
  return pids.toSorted((one, other) => one - other).map((pid) => ({ pid, execId: execs.get(pid) }));
}

/** Tasks.statistics. */
export async function readStatistics(parts: TaskParts, ref: TaskRef): Promise<TaskStatistics | undefined> {
  const task = await findTask(parts, ref);
  const place = cgroupOf(parts.core, task);
  if (place === undefined || statusOf(task) === 'stopped') return undefined;
  return isUnified(place.layout)
    ? { version: '2', counts: await unifiedCounts(place) }
    : { version: '1', statistics: await statistics(place) };
}
