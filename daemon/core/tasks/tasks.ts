import type { ContainerRecords } from '../containerd/contract.ts';
import type { Core } from '../core.ts';
import { checkpointTask } from './checkpoint.ts';
import type { Tasks } from './contract.ts';
import { createTask } from './create.ts';
import { deleteProcess } from './delete.ts';
import { addExec } from './exec.ts';
import { getProcess, listPids, listTasks, readStatistics, waitFor } from './inspect.ts';
import { killProcess } from './kill.ts';
import type { TaskParts } from './parts.ts';
import { pauseTask, resumeTask } from './pause.ts';
import { closeStdin, resizeProcess } from './resize.ts';
import { startProcess } from './start.ts';
import { updateTask } from './update.ts';

/** The verbs, each from its own file. */
export function makeTasks(core: Core, records: ContainerRecords): Tasks {
  const parts: TaskParts = { core, records };
  return {
    create: (ctx, namespace, request) => createTask(parts, ctx, { namespace, request }),
    start: (ctx, ref) => startProcess(parts, ctx, ref),
    delete: (ctx, ref) => deleteProcess(parts, ctx, ref),
    get: (ref) => getProcess(parts, ref),
    list: (namespace) => listTasks(parts, namespace),
    kill: (ctx, ref, how) => killProcess(parts, ctx, { ref, how }),
    exec: (_ctx, request) => addExec(parts, request),
    resize: (ctx, ref, size) => resizeProcess(parts, ctx, { ref, size }),
    closeStdin: (ref) => closeStdin(parts, ref),
    pause: (ctx, ref) => pauseTask(parts, ctx, ref),
    resume: (ctx, ref) => resumeTask(parts, ctx, ref),
    pids: (ref) => listPids(parts, ref),
    statistics: (ref) => readStatistics(parts, ref),
    update: (ctx, ref, resources) => updateTask(parts, ctx, { ref, resources }),
    checkpoint: (ctx, ref, request) => checkpointTask(parts, ctx, { ref, request }),
    wait: (_ctx, ref) => waitFor(parts, ref),
    watch: (listener) => core.tasks.watch(listener),
  };
}
