import { mkdir } from 'node:fs/promises';
import type { Ctx } from '../../../common/ctx.ts';
import { internal, messageOf, notImplemented } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { newId } from '../../../common/ids.ts';
import type { Target } from '../../../image/namespaces/contract.ts';
import type { Core } from '../core.ts';
import { removeDirectory } from '../remove-directory.ts';
import { runVerb } from '../runtimes/verb.ts';
import type { CheckpointTask, TaskRef } from './contract.ts';
import { findTask } from './find.ts';
import { bundleOf, runtimeContainer, type TaskParts } from './parts.ts';
import type { ProcessEntry } from './process.ts';

/** Memory goes to a disk. */
const TIMEOUT_MS = 300_000;

/** Tasks.checkpoint. */
export async function checkpointTask(
  parts: TaskParts,
  ctx: Ctx,
  { ref, request }: { readonly ref: TaskRef; readonly request: CheckpointTask },
): Promise<readonly Target[]> {
  const { core } = parts;
  const task = await findTask(parts, ref);
  if (task.kind === 'docker') throw notImplemented("checkpoint of a container of docker's: not implemented");
  const { into } = request;
  if (into.kind === 'directory') {
    await dump(core, task.entry, { request, images: into.path });
    return [];
  }
  const directory = core.paths.checkpoint(newId());
  try {
    await mkdir(directory, { mode: 0o700 });
    await dump(core, task.entry, { request, images: directory });
    await failpoint('task.checkpoint.dumped');
    return await core.namespaced.checkpoints.save(ctx, into.scope, { directory, config: into.config });
  } finally {
    await removeDirectory(directory);
  }
}

async function dump(
  core: Core,
  entry: ProcessEntry,
  { request, images }: { readonly request: CheckpointTask; readonly images: string },
): Promise<void> {
  using _lock = await core.locks.acquire(entry.key);
  const { namespace, id } = entry.ref;
  const work = request.work ?? bundleOf(core, entry);
  const verb = ['checkpoint', '--image-path', images, '--work-path', work, ...flagsOf(request), id];
  try {
    await runVerb(core, runtimeContainer(core, entry), { verb, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    throw internal(`runc checkpoint failed: ${messageOf(error)}: unknown`, { cause: error });
  }
  core.tasks.tell({ namespace, id, kind: 'checkpointed', checkpoint: images });
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
