/** Who wants to know of every change of a container. */
export interface Watchers {
  /** The listener must not throw. */
  readonly watch: (listener: () => void) => Disposable;
  readonly tell: () => void;
}

export function createWatchers(): Watchers {
  const listeners = new Set<() => void>();
  return {
    watch: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    tell: () => {
      for (const listener of [...listeners]) listener();
    },
  };
}
