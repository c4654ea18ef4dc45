import { setTimeout as sleep } from 'node:timers/promises';

/**
 * For work that costs as much for many as for one: the first item is worked on at once; those that come meanwhile, and in the pause
 * after it, share the next call. Resolves when the item's call has ended, rejects as it does.
 */
export function gather<T>(
  work: (items: readonly [T, ...T[]]) => Promise<void>,
  pauseMs: number,
): (item: T) => Promise<void> {
  let gathering: { readonly items: [T, ...T[]]; readonly done: Promise<void> } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const pause = (): Promise<void> => sleep(pauseMs, undefined, { ref: false });
  return (item) => {
    if (gathering !== undefined) {
      gathering.items.push(item);
      return gathering.done;
    }
    const items: [T, ...T[]] = [item];
    const done = last.then(() => {
      gathering = undefined;
      const working = work(items);
      last = working.then(pause, pause);
      return working;
    });
    gathering = { items, done };
    return done;
  };
}
