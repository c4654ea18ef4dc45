/** Who reads a container's log at the moment: what was asked for before a removal is still read. */
export interface LogReaders {
  begin(id: string): Disposable;
  /** Resolves when nobody reads it any more. */
  drained(id: string): Promise<unknown>;
}

export function createLogReaders(): LogReaders {
  const readers = new Map<string, Set<Promise<void>>>();
  return {
    begin: (id) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const set = readers.get(id) ?? new Set();
      readers.set(id, set.add(promise));
      return {
        [Symbol.dispose]: () => {
          set.delete(promise);
          if (set.size === 0) readers.delete(id);
          resolve();
        },
      };
    },
    drained: (id) => Promise.all([...(readers.get(id) ?? [])]),
  };
}
