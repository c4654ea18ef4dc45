import { Label, type PlanBuilder } from '../plan/builder.ts';
import { PR_SET_KEEPCAPS } from '../plan/constants.ts';
import type { Slot } from '../plan/types.ts';
import type { BecomeOptions } from './contract.ts';

/** In runc's words, to which the errno's are added. */
export const cwdLabel = (cwd: string): string =>
  `chdir to cwd (${JSON.stringify(cwd)}) set in config.json failed`;

/**
 * Enters the directory of the process with the privilege that is there. A directory that only its user may enter is left to the
 * returned step, after the user has changed.
 */
export function enterCwd(plan: PlanBuilder, { process, cwd }: BecomeOptions): () => void {
  const label = cwdLabel(process.cwd);
  const entered = plan.call(label, 'fchdir', [cwd], { save: true, ignore: ['EACCES', 'EPERM'] });
  return () => enterLate(plan, { label, cwd, entered });
}

function enterLate(
  plan: PlanBuilder,
  { label, cwd, entered }: { readonly label: string; readonly cwd: Slot; readonly entered: Slot },
): void {
  const [done, late] = [new Label(), new Label()];
  // A call that every profile allows at this place, and that takes 0, which fchdir returned, but no negative errno.
  const isEntered = [PR_SET_KEEPCAPS, entered, 0, 0, 0];
  plan.call('look whether the directory is entered', 'prctl', isEntered, {
    ignore: ['EINVAL'],
    onOk: done,
    onIgnored: late,
  });
  plan.here(late);
  plan.call(label, 'fchdir', [cwd]);
  plan.here(done);
  plan.free(entered);
}
