import { forwardSignals } from '../../native/sys/forward.ts';
import { exitCodeOf, waitChild } from '../../native/sys/reap.ts';
import { setSubreaper } from '../../native/sys/wait.ts';
import { internal } from '../../common/errors.ts';
import type { Console } from '../container/terminal.ts';

/** Before a process is made that this command will stand for: it becomes ours, and no signal meant for it is lost. */
export function prepareToStand(): void {
  setSubreaper(true);
  forwardSignals(0);
}

/**
 * Stands for a process until it ends, as its parent: passes signals on and relays its terminal. The exit code as a shell counts.
 */
export async function standFor(pid: number, console: Console): Promise<number> {
  forwardSignals(pid);
  if (console.kind === 'relay' && console.master !== undefined) return relayUntilEnd(pid, console.master);
  const status = waitChild(pid, { block: true });
  forwardSignals(0);
  if (status === undefined) throw internal(`Process ${pid} is no child of this command`);
  return exitCodeOf(status);
}

async function relayUntilEnd(pid: number, master: number): Promise<number> {
  const { relayTerminal } = await import('./relay.ts');
  const relay = relayTerminal(master);
  try {
    const status = await ended(pid);
    forwardSignals(0);
    await relay.drained();
    return exitCodeOf(status);
  } finally {
    relay.close();
  }
}

function ended(pid: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  // A listener for a signal does not keep the loop alive.
  const alive = setInterval(() => {}, 2 ** 30);
  const look = (): void => {
    const status = waitChild(pid, { block: false });
    if (status === undefined) return;
    clearInterval(alive);
    process.off('SIGCHLD', look);
    resolve(status);
  };
  process.on('SIGCHLD', look);
  look();
  return promise;
}
