import type { CompiledSeccomp, MonitorConfig } from '../contract.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import type { Slot } from '../plan/types.ts';
import type { Process } from '../spec.ts';
import { becomeUser, loadFilter } from './credentials.ts';
import { runProgram } from './program.ts';
import { setRlimits } from './rlimits.ts';
import { placeStdio } from './stdio.ts';
import { startSession } from './terminal.ts';

const DEFAULT_UMASK = 0o022;

/** The last steps of a child that is inside its container already: from the session to execve. */
export function becomeProcess(
  plan: PlanBuilder,
  options: {
    readonly process: Process;
    readonly monitor: MonitorConfig;
    readonly seccomp: CompiledSeccomp | undefined;
    /** An open directory. */
    readonly cwd: Slot;
    readonly terminal: Slot | undefined;
  },
): void {
  const { process, monitor, seccomp, cwd, terminal } = options;
  const { uid, umask = DEFAULT_UMASK } = process.user;
  startSession(plan, terminal);
  placeStdio(plan, terminal, { monitor, uid });
  plan.call('set the umask', 'umask', [umask]);
  setRlimits(plan, process.rlimits ?? []);
  plan.call(cwdLabel(process.cwd), 'fchdir', [cwd]);
  becomeUser(plan, process, seccomp);
  runProgram(plan, process, () => {
    if (process.noNewPrivileges === true) loadFilter(plan, seccomp);
  });
}

/** In runc's words, to which the errno's are added. */
export const cwdLabel = (cwd: string): string =>
  `chdir to cwd (${JSON.stringify(cwd)}) set in config.json failed`;
