import type { Ctx } from './ctx.ts';

/**
 * Mutual exclusion by key, first come first served. The lock is a scoped value:
 * `using _ = await locks.acquire(id)`. A key costs memory only while somebody holds or awaits it.
 * Not re-entrant. Never acquire a second key while holding one.
 */
export class KeyedLocks {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #holders = new Map<string, string>();

  /** `holder`: what the lock is taken for, for those who wait. */
  async acquire(key: string, holder = ''): Promise<Disposable> {
    const before = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    const tail = before === undefined ? promise : before.then(() => promise);
    this.#tails.set(key, tail);
    await before;
    if (holder !== '') this.#holders.set(key, holder);
    return {
      [Symbol.dispose]: () => {
        this.#holders.delete(key);
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
        resolve();
      },
    };
  }

  /** The same for the operation of `ctx`, which notes that it waits for `what`, and who has it. */
  async acquireFor(ctx: Ctx, key: string, what: string): Promise<Disposable> {
    using _waits = ctx.waitsFor(() => {
      const holder = this.holder(key);
      return holder === undefined ? what : `${what}, which "${holder}" has`;
    });
    return await this.acquire(key, ctx.operation);
  }

  /** What the key's lock was taken for; undefined when nobody has it, or did not say. */
  holder(key: string): string | undefined {
    return this.#holders.get(key);
  }
}
