import type { MonitorConfig } from '../contract.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import type { Slot } from '../plan/types.ts';

/** Where the shim puts the container's ends of its pipes (native/c/monitor.h, STDIN_FD and following). */
const PIPES = [5, 6, 7] as const;

/**
 * Puts the terminal, or the shim's pipes, at 0 to 2, and gives them to the user so that he can open /dev/stdout again. The
 * /dev/null that stands for no stdin is the host's, and stays as it is.
 */
export function placeStdio(
  plan: PlanBuilder,
  slave: Slot | undefined,
  { monitor, uid }: { readonly monitor: MonitorConfig; readonly uid: number },
): void {
  for (const target of [0, 1, 2] as const) {
    plan.call(`place descriptor ${target}`, 'dup3', [slave ?? PIPES[target], target, 0]);
  }
  if (uid === 0) return;
  const owned = slave !== undefined ? [0] : monitor.stdin === 'none' ? [1, 2] : [0, 1, 2];
  for (const fd of owned) plan.call(`give descriptor ${fd} to user ${uid}`, 'fchown', [fd, uid, -1]);
}
