import { constants } from 'node:os';
import type { Containerd } from '../../containerd/client.ts';
import type { Streams } from '../io/streams.ts';
import { followSize, type ProcessName } from '../io/terminal.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';

export interface Followed {
  readonly name: ProcessName;
  readonly streams: Streams;
  readonly terminal: boolean;
  /** Starts the process; the wait stands by then. */
  readonly start: () => Promise<unknown>;
}

/** Of our own process: not forwarded. */
const OWN = new Set(['SIGKILL', 'SIGSTOP', 'SIGCHLD', 'SIGPIPE', 'SIGURG', 'SIGWINCH', 'SIGPROF']);
const FATAL = new Set([
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGTRAP',
  'SIGSYS',
  'SIGABRT',
  'SIGIOT',
  'SIGIO',
]);

/** Starts a process and serves its streams until it ends; returns its exit code. */
export async function follow(
  containerd: Containerd,
  { name, streams, terminal, start }: Followed,
): Promise<number> {
  const tasks = containerd.service(Tasks);
  const exited = tasks.wait(name);
  // Waited for below; a failed start comes first.
  exited.catch(() => undefined);
  const restore = terminal ? await rawMode() : undefined;
  try {
    await start();
    if (terminal) await followSize(containerd, name);
    else forwardSignals(containerd, name);
    // A process that has ended meanwhile has no stdin to close.
    streams.feed(() => void tasks.closeIO({ ...name, stdin: true }).catch(() => undefined));
    const { exitStatus } = await exited;
    await streams.finish();
    return exitStatus;
  } finally {
    restore?.();
  }
}

async function rawMode(): Promise<(() => void) | undefined> {
  if (!process.stdin.isTTY) throw new Error('provided file is not a console');
  const { enterRawMode } = await import('../../stream/terminal.ts');
  return enterRawMode();
}

function forwardSignals(containerd: Containerd, name: ProcessName): void {
  const forward = (signal: NodeJS.Signals): void => {
    const number = constants.signals[signal];
    containerd
      .service(Tasks)
      .kill({ ...name, signal: number })
      .catch(() => undefined);
  };
  const names = Object.keys(constants.signals).filter((signal) => !OWN.has(signal) && !FATAL.has(signal));
  for (const signal of names) process.on(signal as NodeJS.Signals, forward);
}
