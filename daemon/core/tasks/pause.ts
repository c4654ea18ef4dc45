import type { Ctx } from '../../../common/ctx.ts';
import { internal } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { freeze, thaw } from '../../../runtime/cgroup/live/freezer.ts';
import type { CgroupPlace } from '../../../runtime/cgroup/contract.ts';
import { pause } from '../containers/pause.ts';
import { unpause } from '../containers/unpause.ts';
import { cgroupOf } from './cgroup.ts';
import type { TaskRef } from './contract.ts';
import { findTask, type Task } from './find.ts';
import type { TaskParts } from './parts.ts';
import { statusOf } from './status.ts';

/** Tasks.pause. Frozen first, written after: whoever finds it so later shows it as paused. */
export async function pauseTask(parts: TaskParts, ctx: Ctx, ref: TaskRef): Promise<void> {
  const { core } = parts;
  const task = await findTask(parts, ref);
  const status = statusOf(task);
  if (status !== 'running') throw internal(`cannot pause a ${status} container: unknown`);
  if (task.kind === 'docker') return pause(core, ctx, task.entry.id);
  const { entry } = task;
  using _lock = await core.locks.acquire(entry.key);
  const place = placeOf(parts, task);
  await freeze(place);
  await failpoint('task.pause.frozen');
  const { pid = 0 } = 'pid' in entry.state ? entry.state : {};
  if (!core.tasks.advance(entry, ['running'], { kind: 'paused', pid })) await thaw(place);
  else core.tasks.tell({ ...ref, kind: 'paused' });
}

/** Tasks.resume. */
export async function resumeTask(parts: TaskParts, ctx: Ctx, ref: TaskRef): Promise<void> {
  const { core } = parts;
  const task = await findTask(parts, ref);
  const status = statusOf(task);
  if (status !== 'paused')
    throw internal(`cannot resume a ${status} ${status === 'running' ? 'process' : 'container'}: unknown`);
  if (task.kind === 'docker') return unpause(core, ctx, task.entry.id);
  const { entry } = task;
  using _lock = await core.locks.acquire(entry.key);
  await thaw(placeOf(parts, task));
  const { pid = 0 } = 'pid' in entry.state ? entry.state : {};
  core.tasks.advance(entry, ['paused'], { kind: 'running', pid });
  core.tasks.tell({ ...ref, kind: 'resumed' });
}

function placeOf({ core }: TaskParts, task: Task): CgroupPlace {
  const place = cgroupOf(core, task);
  if (place === undefined) throw internal('the container has no cgroup of its own: unknown');
  return place;
}
