import type { Ctx } from '../../../common/ctx.ts';
import type { ProcessRef } from './contract.ts';
import { findTask } from './find.ts';
import { shimOf } from './kill.ts';
import type { TaskParts } from './parts.ts';

const TIMEOUT_MS = 10_000;

/** Tasks.resize: what has ended, or was never started, has no terminal. */
export async function resizeProcess(
  parts: TaskParts,
  ctx: Ctx,
  { ref, size }: { readonly ref: ProcessRef; readonly size: { rows: number; columns: number } },
): Promise<void> {
  const shim = shimOf(parts, await findTask(parts, ref), ref);
  await shim?.resize(ctx.within(TIMEOUT_MS), size);
}

/** Tasks.closeStdin. One that is being started takes what is in its FIFO before anybody could tell its shim of the end. */
export async function closeStdin(parts: TaskParts, ref: ProcessRef): Promise<void> {
  const task = await findTask(parts, ref);
  await parts.core.tasks.get(ref)?.busy.catch(() => {});
  shimOf(parts, task, ref)?.closeStdin();
}
