import type { Ctx } from '../../../common/ctx.ts';
import { internal, messageOf, notImplemented } from '../../../common/errors.ts';

import { runVerb } from '../runtimes/verb.ts';
import type { CheckpointTask, TaskRef } from './contract.ts';
import { findTask } from './find.ts';
import { bundleOf, runtimeContainer, type TaskParts } from './parts.ts';

/** Memory goes to a disk. */
const TIMEOUT_MS = 300_000;

/** Tasks.checkpoint. */
export async function checkpointTask(
  parts: TaskParts,
  _ctx: Ctx,
  { ref, request }: { readonly ref: TaskRef; readonly request: CheckpointTask },
): Promise<void> {
  const { core } = parts;
  const task = await findTask(parts, ref);
  if (task.kind === 'docker') throw notImplemented("checkpoint of a container of docker's: not implemented");
  const { entry } = task;
  using _lock = await core.locks.acquire(entry.key);
  const work = request.work ?? bundleOf(core, entry);
  const verb = [
    'checkpoint',
    '--image-path',
    request.images,
    '--work-path',
    work,
    ...flagsOf(request),
    ref.id,
  ];
  try {
    await runVerb(core, runtimeContainer(core, entry), { verb, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    throw internal(`runc checkpoint failed: ${messageOf(error)}: unknown`, { cause: error });
  }
  core.tasks.tell({ ...ref, kind: 'checkpointed', checkpoint: request.images });
}

function flagsOf(request: CheckpointTask): string[] {
  const { exit, openTcp, externalUnixSockets, shellJob, fileLocks, cgroupsMode } = request;
  return [
    ...(exit ? [] : ['--leave-running']),
    ...(openTcp ? ['--tcp-established'] : []),
    ...(externalUnixSockets ? ['--ext-unix-sk'] : []),
    ...(shellJob ? ['--shell-job'] : []),
    ...(fileLocks ? ['--file-locks'] : []),
    ...request.emptyNamespaces.flatMap((name) => ['--empty-ns', name]),
    ...(cgroupsMode === '' ? [] : ['--manage-cgroups-mode', cgroupsMode]),
  ];
}
