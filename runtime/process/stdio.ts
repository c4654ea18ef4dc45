import type { PlanBuilder } from '../plan/builder.ts';
import type { Slot } from '../plan/types.ts';
import type { Keeper } from '../contract.ts';
import { reopenNull } from './null-stdio.ts';

/** Where the shim puts the container's ends of its pipes (native/c/monitor.h, STDIN_FD and following). */
const PIPES = [5, 6, 7] as const;

/**
 * Puts the terminal, or the shim's pipes, at 0 to 2, and gives them to the user so that he can open /dev/stdout again. The
 * /dev/null that stands for no stdin is the host's, and stays as it is.
 */
export function placeStdio(
  plan: PlanBuilder,
  slave: Slot | undefined,
  { keeper, uid }: { readonly keeper: Keeper; readonly uid: number },
): void {
  for (const target of keeper.kind === 'shim' || slave !== undefined ? ([0, 1, 2] as const) : []) {
    plan.call(`place descriptor ${target}`, 'dup3', [slave ?? PIPES[target], target, 0]);
  }
  if (keeper.kind === 'runtime' && slave === undefined) reopenNull(plan);
  if (uid === 0) return;
  for (const fd of slave !== undefined ? [0] : ownedBy(keeper)) {
    plan.call(`give descriptor ${fd} to user ${uid}`, 'fchown', [fd, uid, -1], { ignore: NOT_OURS });
  }
}

/** A file of the command's stdio may be of another user namespace, or of a read-only file system. */
const NOT_OURS = ['EINVAL', 'EPERM', 'EROFS'];

function ownedBy(keeper: Keeper): readonly number[] {
  if (keeper.kind === 'runtime') return keeper.ownedStdio;
  return keeper.monitor.stdin === 'none' ? [1, 2] : [0, 1, 2];
}
