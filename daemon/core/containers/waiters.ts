import type { Ctx } from '../../../common/ctx.ts';
import type { WaitCondition } from '../contract.ts';

export interface WaitResult {
  readonly exitCode: number;
  readonly error: string | undefined;
}

interface Waiter {
  readonly condition: WaitCondition;
  readonly resolve: (result: WaitResult) => void;
}

/** Who waits for a container's exit or removal. */
export interface Waiters {
  /** Rejects with the signal's reason when the client leaves first. */
  add(ctx: Ctx, condition: WaitCondition): Promise<WaitResult>;
  /** Wakes who waits for health as well: this run won't become healthy any more. */
  exited(result: WaitResult): void;
  healthy(): void;
  /** Wakes everybody: a removed container never exits again. */
  removed(result: WaitResult): void;
}

/** What somebody is told who waited for a container's health. */
export const unhealthyEnd = ({ exitCode, error }: WaitResult): WaitResult => ({
  exitCode,
  error: error ?? 'the container ended before it was healthy',
});

export function createWaiters(): Waiters {
  const waiters = new Set<Waiter>();
  const wake = (result: WaitResult, concerns: (condition: WaitCondition) => boolean): void => {
    for (const waiter of waiters) {
      if (!concerns(waiter.condition)) continue;
      waiters.delete(waiter);
      waiter.resolve(result);
    }
  };
  return {
    add: (ctx, condition) =>
      new Promise((resolve, reject) => {
        const onAbort = (): void => {
          waiters.delete(waiter);
          reject(ctx.signal.reason as Error);
        };
        const waiter: Waiter = {
          condition,
          resolve: (result) => {
            ctx.signal.removeEventListener('abort', onAbort);
            resolve(result);
          },
        };
        waiters.add(waiter);
        if (ctx.signal.aborted) onAbort();
        else ctx.signal.addEventListener('abort', onAbort, { once: true });
      }),
    exited: (result) => {
      wake(unhealthyEnd(result), (condition) => condition === 'healthy');
      wake(result, (condition) => condition !== 'removed');
    },
    healthy: () => wake({ exitCode: 0, error: undefined }, (condition) => condition === 'healthy'),
    removed: (result) => {
      wake(unhealthyEnd(result), (condition) => condition === 'healthy');
      wake(result, () => true);
    },
  };
}
