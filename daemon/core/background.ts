import type { Ctx } from '../../common/ctx.ts';

/** Work that nobody waits for: its failures are logged, and closing waits for it. */
export interface Background {
  /** Runs it; the promise resolves when it is done, failed or not. */
  run(what: string, fields: Readonly<Record<string, unknown>>, work: () => Promise<unknown>): Promise<void>;
  /** How much is under way. */
  count(): number;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

export function createBackground(ctx: Ctx): Background {
  const pending = new Set<Promise<void>>();
  return {
    run: (what, fields, work) => {
      const done = work().then(
        () => {},
        (error: unknown) => ctx.log.error(what, { ...fields, error }),
      );
      pending.add(done);
      void done.then(() => pending.delete(done));
      return done;
    },
    count: () => pending.size,
    settled: async () => {
      while (pending.size > 0) await Promise.all(pending);
    },
  };
}
