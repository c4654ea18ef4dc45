import type { Ctx } from '../../../common/ctx.ts';
import { messageOf } from '../../../common/errors.ts';
import type { VolumeSizes } from './parts.ts';

/** So long a size is good enough for who asks again. */
const FRESH_MS = 5_000;
/** Longer than that nobody waits for one volume; the walk goes on, for who asks later. */
const PATIENCE_MS = 20_000;

interface Measure {
  readonly endedAtMs: () => number | undefined;
  readonly bytes: Promise<number>;
}

/** Sizes as docker counts them: bytes of files, hard links once. One walk of a volume at a time, however many ask. */
export function createSizes(
  bytesOf: (ctx: Ctx, name: string) => Promise<number>,
  nowMs: () => number = () => performance.now(),
): VolumeSizes {
  const known = new Map<string, Measure>();
  const measure = (ctx: Ctx, name: string): Measure => {
    const before = known.get(name);
    const endedAtMs = before?.endedAtMs();
    if (before !== undefined && (endedAtMs === undefined || nowMs() - endedAtMs < FRESH_MS)) return before;
    let endedAt: number | undefined;
    const bytes = bytesOf(ctx.detached(3_600_000), name);
    const fresh = { endedAtMs: () => endedAt, bytes };
    known.set(name, fresh);
    bytes.then(
      () => (endedAt = nowMs()),
      () => known.delete(name),
    );
    return fresh;
  };
  return {
    of: async (ctx, name) => {
      for (const [each, { endedAtMs }] of known) {
        const endedAt = endedAtMs();
        if (endedAt !== undefined && nowMs() - endedAt >= FRESH_MS) known.delete(each);
      }
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(resolve, PATIENCE_MS, undefined);
      try {
        return await Promise.race([measure(ctx, name).bytes, promise]);
      } catch (error) {
        // One that can't be looked into hides no other's.
        ctx.log.warn('Cannot measure a volume', { volume: name, error: messageOf(error) });
        return undefined;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
