import type { CompiledSeccomp, Keeper } from '../contract.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import type { Slot } from '../plan/types.ts';
import type { Linux, Process } from '../spec.ts';

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
  /** It begins with all signals blocked. */
  readonly holdsSignals?: boolean;
  /** The process is in a user namespace of its own, where setgroups may be denied. */
  readonly hasUserNamespace: boolean;
  /** What is executed, where that is not the first argument. */
  readonly program?: string | undefined;
}
