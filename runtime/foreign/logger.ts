import type { PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, CLOSE_RANGE_CLOEXEC, O_CLOEXEC, O_RDONLY, O_WRONLY } from '../plan/constants.ts';
import { SIGCHLD } from '../plan/constants.ts';
import { cloneArgs } from '../plan/structs.ts';
import { setRlimits } from '../process/rlimits.ts';

/** A program of the host that reads a container's output: containerd's `binary://`. */
export interface Logger {
  /** Absolute. */
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** FIFOs, which somebody holds open: it reads the first two, and closes the third when it is ready. */
  readonly fifos: { readonly stdout: string; readonly stderr: string; readonly ready: string };
}

/** Where such a program finds them. */
const FIRST_FD = 3;

/** A child of the shim, which the output's end ends; goes on when it says that it is ready. */
export function startLogger(plan: PlanBuilder, { path, args, env, fifos }: Logger): void {
  const label = `start the logger "${path}"`;
  const child = plan.fork(label, cloneArgs(0, SIGCHLD));
  const opened = [
    [fifos.stdout, O_RDONLY],
    [fifos.stderr, O_RDONLY],
    [fifos.ready, O_WRONLY],
  ] as const;
  // First out of the way of the places where they go.
  const slots = opened.map(([fifo, flags]) =>
    plan.call(label, 'openat', [AT_FDCWD, fifo, flags | O_CLOEXEC, 0], { save: true }),
  );
  slots.forEach((slot, index) => plan.call(label, 'dup3', [slot, FIRST_FD + index, 0]));
  setRlimits(plan, []);
  plan.call(label, 'close_range', [FIRST_FD + slots.length, 0xffff_ffff, CLOSE_RANGE_CLOEXEC]);
  plan.call(`fork/exec ${path}`, 'execve', [path, plan.strings([path, ...args]), plan.strings(env)]);
  child.parent();
  const waiting = `wait until the logger "${path}" is ready`;
  const ready = plan.call(waiting, 'openat', [AT_FDCWD, fifos.ready, O_RDONLY | O_CLOEXEC, 0], {
    save: true,
  });
  plan.call(waiting, 'read', [ready, new Uint8Array(8), 1]);
  plan.close(ready);
}
