import type { Ctx } from '../../../common/ctx.ts';
import { internal } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Core } from '../core.ts';
import { clearAway } from './clear-away.ts';
import type { DeletedProcess, ProcessRef } from './contract.ts';
import { findProcess } from './find.ts';
import type { TaskParts } from './parts.ts';
import type { ProcessEntry } from './process.ts';
import { exitOf } from './table.ts';

/** Tasks.delete. */
export async function deleteProcess(parts: TaskParts, _ctx: Ctx, ref: ProcessRef): Promise<DeletedProcess> {
  const { core } = parts;
  const found = await findProcess(parts, ref);
  using _lock = await core.locks.acquire(found.key);
  const entry = await findProcess(parts, ref);
  const { state } = entry;
  if (state.kind === 'running' || state.kind === 'paused' || state.kind === 'starting')
    throw refusal(ref, state.kind);
  await failpoint('task.delete.begun');
  for (const exec of ref.execId === undefined ? core.tasks.execsOf(ref) : []) await clearAway(core, exec);
  await failpoint('task.delete.execs');
  const { pid = 0 } = 'pid' in state ? state : {};
  await clearAway(core, entry);
  return told(core, entry, pid);
}

/** In containerd's words, which say nothing of the kind. */
function refusal({ execId }: ProcessRef, kind: ProcessEntry['state']['kind']): Error {
  const what = `cannot delete a ${kind === 'paused' ? 'paused' : 'running'} process: unknown`;
  return internal(execId === undefined ? `failed to delete task: ${what}` : what);
}

/** One that never ran has no end: it is told as containerd tells it, which says nothing of an exec's. */
function told(core: Core, { ref, state }: ProcessEntry, pid: number): DeletedProcess {
  const exit = state.kind === 'stopped' ? exitOf(state) : { code: 0, atNs: 0n };
  const { execId, ...task } = ref;
  if (execId === undefined) core.tasks.tell({ ...task, kind: 'delete', pid, exit });
  return { ...exit, pid };
}
