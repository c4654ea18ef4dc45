import { constants } from 'node:os';
import { exitCodeOf, waitChild } from '../../native/sys/reap.ts';
import type { Console } from '../container/terminal.ts';

/** Not the container's: its own children, its terminal's size, and what only this process can have met. */
const OWN = new Set(['SIGCHLD', 'SIGWINCH', 'SIGURG', 'SIGPIPE', 'SIGKILL', 'SIGSTOP']);

/**
 * Stands for a process until it ends, as its parent: passes signals on and relays its terminal. The exit code as a shell counts.
 */
export async function standFor(pid: number, console: Console): Promise<number> {
  const relay =
    console.kind === 'relay' && console.master !== undefined
      ? (await import('./relay.ts')).relayTerminal(console.master)
      : undefined;
  const release = forwardSignals(pid);
  try {
    const status = await ended(pid);
    await relay?.drained();
    return exitCodeOf(status);
  } finally {
    release();
    relay?.close();
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

function forwardSignals(pid: number): () => void {
  const names = Object.keys(constants.signals).filter((name) => !OWN.has(name)) as NodeJS.Signals[];
  const forward = (signal: NodeJS.Signals): void => {
    try {
      // It is not reaped before `ended` says so: the number is its own.
      process.kill(pid, signal);
    } catch {
      // It has ended this very moment.
    }
  };
  const caught = names.filter((name) => listens(name, forward));
  return () => {
    for (const name of caught) process.off(name, forward);
  };
}

/** libuv refuses a few: SIGKILL's kind, and those of a fault. */
function listens(name: NodeJS.Signals, listener: NodeJS.SignalsListener): boolean {
  try {
    process.on(name, listener);
    return true;
  } catch {
    return false;
  }
}
