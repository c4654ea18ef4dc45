import { constants } from 'node:os';
import type { Daemon } from '../http/daemon.ts';

/**
 * Not forwarded: what can't be caught, what tells of this process alone (a child, a closed pipe, urgent data), and what the
 * processor raises for a fault in it.
 */
const OWN = new Set([
  'SIGKILL',
  'SIGSTOP',
  'SIGCHLD',
  'SIGPIPE',
  'SIGURG',
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGTRAP',
  'SIGSYS',
  'SIGABRT',
  'SIGPROF',
]);

/** Names of one number each: SIGPOLL is SIGIO, SIGIOT is SIGABRT. */
const FORWARDED = [
  ...new Map(Object.entries(constants.signals).map(([name, number]) => [number, name])).values(),
].filter((name) => !OWN.has(name)) as NodeJS.Signals[];

/** Sends every signal that reaches this process to the container instead. Returns the way to stop. */
export function forwardSignals(daemon: Daemon, container: string): () => void {
  const forward = (signal: NodeJS.Signals): void => {
    const sent = daemon.send({
      method: 'POST',
      path: `/containers/${container}/kill`,
      query: { signal: signal.replace(/^SIG/, '') },
    });
    // The container may have ended meanwhile; then this process is about to end as well.
    sent.catch(() => undefined);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  return () => {
    for (const signal of FORWARDED) process.off(signal, forward);
  };
}
