import type { RestartTimers } from './contract.ts';

/** `start` is called once for each timer that is not cancelled. */
export function createRestartTimers(start: (id: string) => void): RestartTimers {
  const held = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  const closing = new AbortController();
  let released = false;
  const cancel = (id: string): void => {
    clearTimeout(timers.get(id));
    timers.delete(id);
    held.delete(id);
  };
  const set = (id: string, delayMs: number): void => {
    if (closing.signal.aborted) return;
    cancel(id);
    if (!released) {
      held.set(id, delayMs);
      return;
    }
    const fire = (): void => {
      timers.delete(id);
      start(id);
    };
    timers.set(id, setTimeout(fire, delayMs));
  };
  return {
    set,
    cancel,
    size: () => timers.size + held.size,
    release: () => {
      released = true;
      for (const [id, delayMs] of [...held]) set(id, delayMs);
    },
    close: () => {
      closing.abort(new Error('The daemon ends'));
      for (const id of [...timers.keys(), ...held.keys()]) cancel(id);
    },
    signal: closing.signal,
  };
}
