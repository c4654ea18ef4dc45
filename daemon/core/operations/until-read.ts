import type { Ctx } from '../../../common/ctx.ts';

type Chunks = AsyncIterable<Uint8Array>;

/**
 * Opens what somebody reads as it comes, within an operation that goes on until that has ended, or ctx: who reads slowly is
 * seen. `run` does its work as the operation.
 */
export function untilRead(
  run: (work: (own: Ctx) => Promise<void>) => Promise<void>,
  open: (own: Ctx) => Promise<Chunks>,
): Promise<Chunks> {
  const opened = Promise.withResolvers<Chunks>();
  run(async (own) => {
    const chunks = await open(own);
    const ended = Promise.withResolvers<void>();
    own.signal.addEventListener('abort', () => ended.resolve(), { once: true });
    if (own.signal.aborted) ended.resolve();
    const reader = (): Disposable => own.waitsFor(() => 'its reader');
    opened.resolve(telling(chunks, reader, ended.resolve));
    await ended.promise;
  }).catch(opened.reject);
  return opened.promise;
}

/** A generator that nobody has stepped runs nothing when it is ended. */
function telling(chunks: Chunks, rest: () => Disposable, ended: () => void): Chunks {
  const source = chunks[Symbol.asyncIterator]();
  let resting = rest();
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        resting[Symbol.dispose]();
        try {
          const item = await source.next();
          if (item.done === true) ended();
          else resting = rest();
          return item;
        } catch (error) {
          ended();
          throw error;
        }
      },
      return: async () => {
        ended();
        await source.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
