import type { Ctx } from '../../../common/ctx.ts';

/** Samples of something for all who watch it: one look at a time, however many they are. */
export interface Sampler<S> {
  /**
   * The first at once for the first watcher, then one every interval. Ends with the signal, or when the source says `end`. Who
   * reads slower than that misses samples, and gets the latest.
   */
  watch(ctx: Ctx, source: Source<S>): AsyncIterableIterator<S>;
  /** What is being looked at. */
  count(): number;
}

export interface Source<S> {
  readonly id: string;
  take(): Promise<S | 'end'>;
}

interface Watcher<S> {
  latest: { readonly sample: S } | undefined;
  ended: boolean;
  wake: (() => void) | undefined;
}

export function createSampler<S>(intervalMs: number): Sampler<S> {
  const watched = new Map<string, Set<Watcher<S>>>();

  const look = async (source: Source<S>, watchers: Set<Watcher<S>>): Promise<void> => {
    while (watchers.size > 0) {
      const sample = await source.take().catch(() => 'end' as const);
      for (const watcher of watchers) {
        if (sample === 'end') watcher.ended = true;
        else watcher.latest = { sample };
        watcher.wake?.();
      }
      if (sample === 'end') break;
      await new Promise((resolve) => setTimeout(resolve, intervalMs).unref());
    }
    if (watched.get(source.id) === watchers) watched.delete(source.id);
  };

  return {
    count: () => watched.size,
    watch: (ctx, source) => {
      const watcher: Watcher<S> = { latest: undefined, ended: false, wake: undefined };
      let watchers = watched.get(source.id);
      if (watchers === undefined) watched.set(source.id, (watchers = new Set()));
      const isFirst = watchers.size === 0;
      watchers.add(watcher);
      if (isFirst) {
        // Whoever was there before may have left within the interval: its loop ends by itself, and this one goes on.
        watched.set(source.id, (watchers = new Set([watcher])));
        void look(source, watchers);
      }
      const all = watchers;
      return read(watcher, { signal: ctx.signal, leave: () => void all.delete(watcher) });
    },
  };
}

function read<S>(
  watcher: Watcher<S>,
  { signal, leave }: { readonly signal: AbortSignal; readonly leave: () => void },
): AsyncIterableIterator<S> {
  const end = (): void => {
    watcher.ended = true;
    signal.removeEventListener('abort', end);
    leave();
    watcher.wake?.();
  };
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return {
    next: async () => {
      for (;;) {
        const { latest } = watcher;
        watcher.latest = undefined;
        if (latest !== undefined && !signal.aborted) return { done: false, value: latest.sample };
        if (watcher.ended) {
          end();
          return { done: true, value: undefined };
        }
        await new Promise<void>((resolve) => (watcher.wake = resolve));
        watcher.wake = undefined;
      }
    },
    return: async () => {
      end();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
