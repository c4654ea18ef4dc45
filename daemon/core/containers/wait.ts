import type { Ctx } from '../../../common/ctx.ts';
import type { WaitCondition } from '../contract.ts';
import type { Core } from '../core.ts';
import { errorOf, exitCodeOf, isRestarting, isUp } from './state.ts';
import type { WaitResult } from './waiters.ts';

/** Containers.wait: whatever happens after this call returns is not missed. Throws `not-found` at once. */
export function wait(
  core: Core,
  ctx: Ctx,
  { reference, condition }: { readonly reference: string; readonly condition: WaitCondition },
): Promise<WaitResult> {
  const entry = core.table.find(reference);
  const { state } = entry.view;
  // Docker: one that never ran is not running either.
  if (condition === 'not-running' && !isUp(state) && !isRestarting(state)) {
    return Promise.resolve({ exitCode: exitCodeOf(state), error: errorOf(state) });
  }
  return entry.waiters.add(ctx, condition);
}
