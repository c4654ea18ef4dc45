import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import type { Ctx } from '../../../common/ctx.ts';
import { invalidArgument, internal, messageOf } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { taken } from '../../../image/namespaces/errors.ts';
import type { MonitorConfig } from '../../../runtime/contract.ts';
import { buildExecPlan } from '../../../runtime/exec.ts';
import { parseExact } from '../../../runtime/exact-json.ts';
import { bundleFiles } from '../../../runtime/foreign/contract.ts';
import { buildForeignExec } from '../../../runtime/foreign/exec.ts';
import type { Plan } from '../../../runtime/plan/types.ts';
import type { Process } from '../../../runtime/spec.ts';
import { checkIdentifier } from '../containerd/identifier.ts';
import type { Core } from '../core.ts';
import { specOf } from '../execs/plan.ts';
import { removeDirectory } from '../remove-directory.ts';
import { errorIn, isTheirs } from '../runtimes/failure.ts';
import { foreignContainer } from '../runtimes/bundle.ts';
import { clearAway } from './clear-away.ts';
import type { ExecTask } from './contract.ts';
import { findTask, type Task } from './find.ts';
import { launchProcess } from './launch.ts';
import { runtimeContainer, type TaskParts } from './parts.ts';
import { shimKeyOf, type ProcessEntry } from './process.ts';
import { cgroupOf } from './cgroup.ts';
import { parseJson } from './spec.ts';
import { statusOf } from './status.ts';

/** Tasks.exec. */
export async function addExec(parts: TaskParts, request: ExecTask): Promise<void> {
  const { core } = parts;
  const { namespace, id, execId, stdio } = request;
  if (execId === '') throw invalidArgument('exec id cannot be empty');
  checkIdentifier(execId, `invalid exec id ${execId}: `);
  parseJson(request.process);
  const task = await findTask(parts, request);
  refuseExec(task);
  const ref = { namespace, id, execId };
  using _lock = await core.locks.acquire(shimKeyOf(ref));
  if (core.tasks.get(ref) !== undefined) throw taken(`id ${execId}`);
  const process = Buffer.from(request.process).toString('utf8');
  const entry = core.tasks.insert(ref, { stdio, process }, { kind: 'created', pid: 0 });
  try {
    await failpoint('task.exec.row');
  } catch (error) {
    await clearAway(core, entry);
    throw error;
  }
  if (task.kind === 'docker') void task.run.ended.then(() => dropExecs(core, id));
  core.tasks.tell({ namespace, id, kind: 'exec-added', execId });
}

/** In containerd's words, which are runc's. */
function refuseExec(task: Task): void {
  const status = statusOf(task);
  if (status === 'paused' || status === 'stopped')
    throw internal(`cannot exec in a ${status} state: unknown`);
}

/** Of docker's container whose run is over: nobody could ask for them any more. */
export async function dropExecs(core: Core, id: string): Promise<void> {
  for (const entry of core.tasks.execsOf({ namespace: 'moby', id }))
    await core.background.run('Cannot drop an exec', { ...entry.ref }, () => clearAway(core, entry));
}

/** Starts one that was added. */
export async function startExec(parts: TaskParts, ctx: Ctx, entry: ProcessEntry): Promise<number> {
  const { core } = parts;
  const task = await findTask(parts, entry.ref);
  refuseExec(task);
  const directory = core.paths.shim(entry.key);
  try {
    return await launchProcess(core, ctx, {
      entry,
      cgroupsPath: cgroupOf(core, task)?.path,
      makePlan: (monitor) => execPlan(core, { task, entry, monitor }),
    });
  } catch (error) {
    const message = messageOf(error);
    const said = isTheirs(message) ? await errorIn(directory, message) : message;
    await core.background.run('Cannot remove the directory of an exec', { ...entry.ref }, () =>
      removeDirectory(core.paths.shim(entry.key)),
    );
    const what = said.startsWith('exec failed: ')
      ? said
      : `exec failed: unable to start container process: ${said}`;
    throw internal(`OCI runtime exec failed: ${what}: unknown`, { cause: error });
  }
}

interface Planned {
  readonly task: Task;
  readonly entry: ProcessEntry;
  readonly monitor: MonitorConfig;
}

/** By the runtime that has the container; our own needs no process for docker's, whose specification the daemon knows. */
async function execPlan(core: Core, { task, entry, monitor }: Planned): Promise<Plan> {
  const json = entry.fixed.process ?? '{}';
  if (task.kind === 'docker' && task.run.runtime === undefined) {
    return buildExecPlan({
      id: task.entry.id,
      pid: task.run.shim.pid,
      spec: await specOf(core, task.entry, task.run),
      process: parseExact(json) as Process,
      keeper: { kind: 'shim', monitor },
      seccomp: core.seccompFor(task.entry.view.config.host),
      cgroups: core.host.cgroups,
    });
  }
  await writeFile(join(monitor.directory, bundleFiles.process), json, { mode: 0o600 });
  const container =
    task.kind === 'own'
      ? runtimeContainer(core, task.entry)
      : foreignContainer(core.paths, task.entry.id, dockerRuntime(task));
  return buildForeignExec({ container, monitor });
}

function dockerRuntime({ run }: Extract<Task, { kind: 'docker' }>): NonNullable<typeof run.runtime> {
  if (run.runtime === undefined) throw internal('a container of our own runtime has no other');
  return run.runtime;
}
