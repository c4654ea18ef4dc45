import type { Ctx } from '../../../common/ctx.ts';
import type { Core } from '../core.ts';
import { turnAfter } from '../operations/operations.ts';

/** Takes a container's lock for the operation of `ctx`; whoever looks meanwhile sees whose turn it is. */
export async function lockContainer(core: Core, ctx: Ctx, id: string): Promise<Disposable> {
  using _waits = ctx.waitsFor(() => turnAfter(core.locks.holder(id)));
  return await core.locks.acquire(id, ctx.operation);
}
