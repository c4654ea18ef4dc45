import type { Ctx } from '../../../common/ctx.ts';
import { internal, messageOf } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { runVerb } from '../runtimes/verb.ts';
import type { ProcessRef } from './contract.ts';
import { startExec } from './exec.ts';
import { findProcess } from './find.ts';
import { runtimeContainer, type TaskParts } from './parts.ts';
import type { ProcessEntry } from './process.ts';
import { restoreTask } from './restore.ts';

/** Tasks.start. */
export async function startProcess(parts: TaskParts, ctx: Ctx, ref: ProcessRef): Promise<number> {
  const { core } = parts;
  const entry = await findProcess(parts, ref);
  using _lock = await core.locks.acquire(entry.key);
  if (entry.state.kind !== 'created') throw refusal(entry);
  const started = begin(parts, ctx, entry);
  entry.busy = started;
  return await started;
}

function refusal({ state: { kind } }: ProcessEntry): Error {
  if (kind === 'stopped') return internal('cannot start a stopped process: unknown');
  if (kind === 'paused') return internal('cannot start a paused process: unknown');
  return internal('cannot start a running process: unknown');
}

async function begin(parts: TaskParts, ctx: Ctx, entry: ProcessEntry): Promise<number> {
  const { core } = parts;
  const { ref, state } = entry;
  const { pid: made = 0 } = 'pid' in state ? state : {};
  core.tasks.advance(entry, ['created'], { kind: 'starting', pid: made });
  try {
    await failpoint('task.start.row');
    const pid = await run(parts, ctx, entry);
    await failpoint('task.start.started');
    const { execId, ...task } = ref;
    core.tasks.advance(entry, ['starting'], { kind: 'running', pid });
    core.tasks.tell(
      execId === undefined ? { ...task, kind: 'start', pid } : { ...task, kind: 'exec-started', execId, pid },
    );
    return pid;
  } catch (error) {
    core.tasks.advance(entry, ['starting'], { kind: 'created', pid: made });
    throw error;
  }
}

async function run(parts: TaskParts, ctx: Ctx, entry: ProcessEntry): Promise<number> {
  const { core } = parts;
  if (entry.ref.execId !== undefined) return startExec(parts, ctx, entry);
  if (entry.fixed.task?.checkpoint !== undefined) return restoreTask(parts, ctx, entry);
  const pid = entry.shim?.pid ?? 0;
  try {
    await runVerb(core, runtimeContainer(core, entry), { verb: ['start', entry.ref.id] });
    return pid;
  } catch (error) {
    throw internal(`OCI runtime start failed: ${messageOf(error)}: unknown`, { cause: error });
  }
}
