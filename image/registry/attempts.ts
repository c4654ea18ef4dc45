import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctx } from '../../common/ctx.ts';
import { codeOf } from '../../common/errors.ts';
import { RegistryFailure } from './failures.ts';

export interface RetryLimits {
  /** Tries in all, of one request or between two bytes of a blob. */
  readonly attempts: number;
  /** Before the second; doubled each time. */
  readonly backoffMs: number;
  /** Longer than this nobody waits because a registry asks. */
  readonly longestWaitMs: number;
}

/** Whether the same may succeed later: what the network did, a server in trouble, one that asks for patience. */
export const isPassing = (error: unknown): boolean => {
  const code = codeOf(error);
  return code === 'unavailable' || code === 'deadline-exceeded';
};

const REFUSALS: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** Nobody there, or no such name: to try again at once is of little use, and who mistyped a name waits for the answer. */
export const isRefused = (error: unknown): boolean =>
  error instanceof Error &&
  error.cause instanceof Error &&
  'code' in error.cause &&
  REFUSALS.has(error.cause.code);

/** Waits before attempt `number` + 1. Throws the reason why ctx ended. */
export async function pause(
  ctx: Ctx,
  limits: RetryLimits,
  { number, error }: { number: number; error: unknown },
): Promise<void> {
  const asked = error instanceof RegistryFailure ? error.retryAfterMs : undefined;
  const ms = Math.min(asked ?? limits.backoffMs * 2 ** (number - 1), limits.longestWaitMs);
  await sleep(ms, undefined, { signal: ctx.signal }).catch(() => {});
  ctx.check();
}

/** Runs `act` until it succeeds, fails for good, or has been tried often enough. */
export async function attempting<T>(ctx: Ctx, limits: RetryLimits, act: () => Promise<T>): Promise<T> {
  for (let number = 1; ; number += 1) {
    try {
      return await act();
    } catch (error) {
      ctx.check();
      if (number >= limits.attempts || !isPassing(error) || isRefused(error)) throw error;
      await pause(ctx, limits, { number, error });
    }
  }
}
