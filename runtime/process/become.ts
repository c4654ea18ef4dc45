import type { PlanBuilder } from '../plan/builder.ts';
import type { BecomeOptions } from './contract.ts';
import { becomeUser, loadFilter } from './credentials.ts';
import { runProgram } from './program.ts';
import { setRlimits } from './rlimits.ts';
import { placeStdio } from './stdio.ts';
import { startSession } from './terminal.ts';

const DEFAULT_UMASK = 0o022;

/** The last steps of a child that is inside its container already: from the session to execve. */
export function becomeProcess(plan: PlanBuilder, options: BecomeOptions): void {
  const { process, keeper, seccomp, cwd, terminal, beforeExec } = options;
  const { uid, umask = DEFAULT_UMASK } = process.user;
  startSession(plan, terminal);
  placeStdio(plan, terminal, { keeper, uid });
  plan.call('set the umask', 'umask', [umask]);
  setRlimits(plan, process.rlimits ?? []);
  plan.call(cwdLabel(process.cwd), 'fchdir', [cwd]);
  becomeUser(plan, process, seccomp);
  const keptFds = keeper.kind === 'runtime' ? keeper.preserveFds : 0;
  runProgram(plan, process, {
    keptFds,
    beforeExec: () => {
      if (process.noNewPrivileges === true) loadFilter(plan, seccomp);
      beforeExec?.(plan);
    },
  });
}

/** In runc's words, to which the errno's are added. */
export const cwdLabel = (cwd: string): string =>
  `chdir to cwd (${JSON.stringify(cwd)}) set in config.json failed`;
