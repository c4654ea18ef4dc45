import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, internal, invalidArgument } from '../../../common/errors.ts';
import type { Core } from '../core.ts';
import { within } from '../within.ts';

/** Clients resize at once, whether the exec runs already or not. */
const BEGIN_TIMEOUT_MS = 10_000;

/** Execs.resize. */
export async function resizeExec(
  core: Core,
  ctx: Ctx,
  { id, size }: { readonly id: string; readonly size: { rows: number; columns: number } },
): Promise<void> {
  const exec = core.execTable.find(id);
  if (!(await within(BEGIN_TIMEOUT_MS, exec.begun.promise))) {
    throw internal('timeout waiting for exec session ready');
  }
  const { shim } = exec;
  if (shim === undefined) throw invalidArgument('exec process is not started');
  try {
    await shim.resize(ctx.within(BEGIN_TIMEOUT_MS), size);
  } catch (error) {
    throw codeOf(error) === 'not-found' ? invalidArgument('exec process is not started') : error;
  }
}
