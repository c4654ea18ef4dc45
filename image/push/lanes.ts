import { makeCtx, type Ctx } from '../../common/ctx.ts';

export interface Lanes<T> {
  /** How many run at a time. */
  readonly limit: number;
  /** Called for those that can't start at once. */
  readonly waiting: (item: T) => void;
}

/**
 * Runs `act` for all items in order, some at a time. After the first failure nothing more starts, what runs is cancelled and awaited,
 * and then the failure is thrown.
 */
export async function inLanes<T>(
  ctx: Ctx,
  items: readonly T[],
  { limit, waiting, act }: Lanes<T> & { readonly act: (ctx: Ctx, item: T) => Promise<void> },
): Promise<void> {
  const failed = new AbortController();
  const inner = makeCtx(ctx.log, AbortSignal.any([ctx.signal, failed.signal]));
  const queue = items.values();
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      if (inner.signal.aborted) return;
      try {
        await act(inner, item);
      } catch (error) {
        failure ??= { error };
        failed.abort(error);
      }
    }
  };
  items.slice(limit).forEach(waiting);
  await Promise.all(Array.from({ length: limit }, lane));
  ctx.check();
  if (failure !== undefined) throw failure.error;
}
