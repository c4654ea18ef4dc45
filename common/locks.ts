/**
 * Mutual exclusion by key, first come first served. The lock is a scoped value:
 * `using _ = await locks.acquire(id)`. A key costs memory only while somebody holds or awaits it.
 * Not re-entrant. Never acquire a second key while holding one.
 */
export class KeyedLocks {
  readonly #tails = new Map<string, Promise<void>>();

  async acquire(key: string): Promise<Disposable> {
    const before = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    const tail = before === undefined ? promise : before.then(() => promise);
    this.#tails.set(key, tail);
    await before;
    return {
      [Symbol.dispose]: () => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
        resolve();
      },
    };
  }
}
