import type { PlanBuilder } from '../plan/builder.ts';
import { CLOSE_RANGE_CLOEXEC } from '../plan/constants.ts';
import { setFinalAffinity } from './affinity.ts';
import type { BecomeOptions } from './contract.ts';
import { becomeUser, loadFilter, refusePrivileges } from './credentials.ts';
import { joinKeyring } from './keyring.ts';
import { setApparmorProfile, setSelinuxLabel } from './labels.ts';
import { setMemoryPolicy } from './memory-policy.ts';
import { setIoPriority, setPersonality, setScheduler } from './priority.ts';
import { runProgram } from './program.ts';
import { setRlimits } from './rlimits.ts';
import { placeStdio } from './stdio.ts';
import { startSession } from './terminal.ts';

const DEFAULT_UMASK = 0o022;
const SIG_SETMASK = 2;
/** The kernel's sigset_t. */
const EVERY_SIGNAL = new Uint8Array(8).fill(0xff);

/**
 * The last steps of a child that is inside its container already: from the session to execve. A seccomp filter is loaded while
 * there is the privilege for it, and everything that it might refuse is done before; with no_new_privs it needs none, and comes
 * last. Throws `invalid-argument` for a process that can't be.
 */
export function becomeProcess(plan: PlanBuilder, options: BecomeOptions): void {
  const { process, linux, keeper, terminal, beforeExec, procSelf, isFirst } = options;
  const { uid, umask = DEFAULT_UMASK } = process.user;
  const keptFds = keeper.kind === 'runtime' ? keeper.preserveFds : 0;
  joinKeyring(plan, options);
  startSession(plan, terminal);
  placeStdio(plan, terminal, { keeper, uid });
  plan.call('set the umask', 'umask', [umask]);
  setApparmorProfile(plan, process, procSelf);
  refusePrivileges(plan, process);
  setFinalAffinity(plan, process, isFirst);
  setScheduler(plan, process, linux);
  setIoPriority(plan, process);
  setPersonality(plan, linux);
  setMemoryPolicy(plan, linux);
  setRlimits(plan, process.rlimits ?? []);
  setSelinuxLabel(plan, process, procSelf);
  plan.call('close a descriptor', 'close', [procSelf]);
  plan.call('close on exec', 'close_range', [3 + keptFds, 0xffff_ffff, CLOSE_RANGE_CLOEXEC]);
  if (options.holdsSignals === true)
    plan.call('hold signals back', 'rt_sigprocmask', [SIG_SETMASK, EVERY_SIGNAL, 0, EVERY_SIGNAL.byteLength]);
  const isFilteredLast = process.noNewPrivileges === true;
  if (!isFilteredLast) loadFilter(plan, options);
  becomeUser(plan, options);
  runProgram(plan, process, {
    program: options.program,
    beforeExec: () => {
      if (isFilteredLast) loadFilter(plan, options);
      beforeExec?.(plan);
    },
  });
}
