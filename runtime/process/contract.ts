import type { CompiledSeccomp, MonitorConfig } from '../contract.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import type { Slot } from '../plan/types.ts';
import type { Linux, Process } from '../spec.ts';

/** Who stands behind a process: the daemon's shim, or a command of the runtime. */
export type Keeper = ShimKeeper | RuntimeKeeper;

export interface ShimKeeper {
  readonly kind: 'shim';
  /** Its pipes are at 5 to 7 (native/c/monitor.h). */
  readonly monitor: MonitorConfig;
}

/** The launcher has the command's own stdio; the report socket is at 3 + preserveFds. */
export interface RuntimeKeeper {
  readonly kind: 'runtime';
  /** Descriptors 3 to 2 + preserveFds are the process's too. */
  readonly preserveFds: number;
  /** Those of 0 to 2 that become its user's: not a null device of the host. */
  readonly ownedStdio: readonly number[];
  /** An absolute directory with `exec.fifo`, in which the init waits for `start`; undefined: it goes on at once. */
  readonly startIn: string | undefined;
  /** The command acts before the root is entered: hooks, devices of the network. */
  readonly meetsAtRoot: boolean;
}

/** Gives a descriptor to whom stands behind the process. */
export type HandOver = (plan: PlanBuilder, what: 'terminal' | 'seccomp', fd: Slot) => void;

export interface BecomeOptions {
  readonly id: string;
  readonly process: Process;
  /** Of the container: its personality, and whether its cpus are limited. */
  readonly linux: Linux;
  /** The container's init; else a further process in it. */
  readonly isFirst: boolean;
  readonly keeper: Keeper;
  readonly seccomp: CompiledSeccomp | undefined;
  /** An open directory. */
  readonly cwd: Slot;
  readonly terminal: Slot | undefined;
  /** The process's own directory in the host's procfs, opened before any namespace was entered. */
  readonly procSelf: Slot;
  readonly handOver: HandOver;
  /** The wait for `start`: after everything that can fail but execve. */
  readonly beforeExec: ((plan: PlanBuilder) => void) | undefined;
  readonly noNewKeyring: boolean;
  /** The process is in a user namespace of its own, where setgroups may be denied. */
  readonly hasUserNamespace: boolean;
}
