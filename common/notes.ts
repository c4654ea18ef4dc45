/** What one operation waits for at the moment, for people who wonder. */
export interface Notes {
  /** Of the operation: `stop`. */
  readonly name: string;
  /** Until disposed, `what` tells something that the operation waits for; it is called when somebody looks. It must not throw. */
  begin(what: () => string): Disposable;
  /** In the order in which it began to wait. */
  texts(): readonly string[];
}

export function makeNotes(name: string): Notes {
  const waits = new Set<{ readonly what: () => string }>();
  return {
    name,
    begin: (what) => {
      const wait = { what };
      waits.add(wait);
      return { [Symbol.dispose]: () => void waits.delete(wait) };
    },
    texts: () => [...waits].map(({ what }) => what()),
  };
}

/** For what waits under no operation. */
export const NO_NOTE: Disposable = { [Symbol.dispose]: () => {} };

/** `3 s`, for texts of waits. */
export const secondsSince = (startMs: number): string =>
  `${Math.max(0, Math.round((performance.now() - startMs) / 1000))} s`;
