import { watch, type FSWatcher } from 'node:fs';

/** Where inotify says nothing (its limits are reached, a network file system), a look from time to time has to do. */
const POLL_MS = 250;

/** Wakes a reader when something in a directory changes. Changes between two waits are not lost. */
export interface Changes extends Disposable {
  /** Resolves at once when something changed since the last call. */
  wait(): Promise<void>;
  /** Ends a wait, now and ever after. */
  stop(): void;
}

export function watchDirectory(directory: string): Changes {
  let pending = true;
  let stopped = false;
  let wake: (() => void) | undefined;
  const notify = (): void => {
    pending = true;
    wake?.();
  };
  const poll = setInterval(notify, POLL_MS);
  const watcher = tryWatch(directory, notify);
  return {
    wait: async () => {
      if (!pending && !stopped) await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
      pending = false;
    },
    stop: () => {
      stopped = true;
      notify();
    },
    [Symbol.dispose]: () => {
      clearInterval(poll);
      watcher?.close();
    },
  };
}

function tryWatch(directory: string, notify: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, notify);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
