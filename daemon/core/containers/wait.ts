import type { Ctx } from '../../../common/ctx.ts';
import { conflict } from '../../../common/errors.ts';
import type { WaitCondition } from '../contract.ts';
import type { Core } from '../core.ts';
import { errorOf, exitCodeOf, isRestarting, isUp } from './state.ts';
import { unhealthyEnd, type WaitResult } from './waiters.ts';

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
  if (condition === 'healthy') {
    const { config, health } = entry.view;
    const { test = [] } = config.healthcheck ?? {};
    if (test.length === 0 || test[0] === 'NONE') throw conflict(`container ${reference} has no healthcheck`);
    if (isUp(state) && health?.status === 'healthy')
      return Promise.resolve({ exitCode: 0, error: undefined });
    if (state.kind === 'exited' || state.kind === 'removing' || state.kind === 'dead')
      return Promise.resolve(unhealthyEnd({ exitCode: exitCodeOf(state), error: errorOf(state) }));
  }
  return entry.waiters.add(ctx, condition);
}
