import { constants } from 'node:os';
import type { Ctx } from '../../../common/ctx.ts';
import { codeOf } from '../../../common/errors.ts';
import { absent, precluded } from '../../../image/namespaces/errors.ts';
import { thaw } from '../../../runtime/cgroup/live/freezer.ts';
import { signalAll } from '../../../runtime/cgroup/live/processes.ts';
import type { Shim } from '../../../shim/contract.ts';
import { cgroupOf } from './cgroup.ts';
import type { ProcessRef, Tasks } from './contract.ts';
import { findTask, type Task } from './find.ts';
import type { TaskParts } from './parts.ts';
import { statusOf } from './status.ts';

const SIGNAL_TIMEOUT_MS = 10_000;
const finished = (): Error => absent('process already finished');

/** Tasks.kill. */
export async function killProcess(
  parts: TaskParts,
  ctx: Ctx,
  { ref, how }: { readonly ref: ProcessRef; readonly how: Parameters<Tasks['kill']>[2] },
): Promise<void> {
  const { core } = parts;
  const task = await findTask(parts, ref);
  const place = cgroupOf(core, task);
  const { signal, all } = how;
  if (all && ref.execId === undefined && place !== undefined) {
    await signalAll(place, { signal, isPaused: statusOf(task) === 'paused' });
    return;
  }
  const shim = shimOf(parts, task, ref);
  if (shim === undefined) throw isNew(parts, ref) ? precluded('process not created') : finished();
  try {
    await shim.signal(ctx.detached(SIGNAL_TIMEOUT_MS), signal);
  } catch (error) {
    throw codeOf(error) === 'not-found' ? finished() : error;
  }
  // What is frozen dies when it goes on (version 1).
  if (signal === constants.signals.SIGKILL && place !== undefined) await thaw(place);
}

/** An exec that was never started. */
const isNew = ({ core }: TaskParts, ref: ProcessRef): boolean =>
  ref.execId !== undefined && core.tasks.exec(ref).state.kind === 'created';

/** Undefined for what has ended, and for an exec that was never started. */
export function shimOf({ core }: TaskParts, task: Task, ref: ProcessRef): Shim | undefined {
  if (ref.execId !== undefined) return core.tasks.exec(ref).shim;
  return task.kind === 'own' ? task.entry.shim : task.run.shim;
}
