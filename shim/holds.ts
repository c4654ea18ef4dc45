import type { Ctx } from '../common/ctx.ts';
import { notFound, WherryError } from '../common/errors.ts';
import type { HeldAt } from './contract.ts';

/** Clients that a shim was asked to hold, until it says where their output begins. */
export interface Holds {
  /** Throws `not-found` when the shim is gone, `canceled` when the client is, `deadline-exceeded` when it does not answer. */
  ask(ctx: Ctx, client: bigint): Promise<HeldAt>;
  answer(client: bigint, at: HeldAt): void;
  /** It was turned away, or has left. */
  left(client: bigint): void;
  /** The shim is gone. */
  end(): void;
}

export function createHolds(pid: number): Holds {
  const waiting = new Map<bigint, PromiseWithResolvers<HeldAt>>();
  return {
    ask: async (ctx, client) => {
      const asked = Promise.withResolvers<HeldAt>();
      const onAbort = (): void =>
        asked.reject(new WherryError('deadline-exceeded', `The shim of process ${pid} does not answer`));
      waiting.set(client, asked);
      ctx.signal.addEventListener('abort', onAbort, { once: true });
      if (ctx.signal.aborted) onAbort();
      try {
        return await asked.promise;
      } finally {
        ctx.signal.removeEventListener('abort', onAbort);
        waiting.delete(client);
      }
    },
    answer: (client, at) => waiting.get(client)?.resolve(at),
    left: (client) => waiting.get(client)?.reject(new WherryError('canceled', 'The client has left')),
    end: () => {
      for (const { reject } of waiting.values()) reject(notFound(`Process ${pid} has ended`));
    },
  };
}
