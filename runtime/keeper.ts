import { notImplemented } from '../common/errors.ts';
import type { PlanBuilder } from './plan/builder.ts';
import { AT_FDCWD, O_CLOEXEC, O_RDWR } from './plan/constants.ts';
import type { Slot } from './plan/types.ts';
import type { Keeper, RuntimeKeeper } from './contract.ts';
import type { HandOver } from './process/contract.ts';
import { meet, reportForked, reportReady } from './report.ts';

/** The FIFO in a container's state directory that its init reads when all is ready, and `start` writes. */
export const START_FIFO = 'exec.fifo';

const reportFdOf = ({ preserveFds }: RuntimeKeeper): number => 3 + preserveFds;

/** The shim takes a terminal beside its report; a command fetches the descriptor while the process waits. */
export function handOverTo(keeper: Keeper): HandOver {
  if (keeper.kind === 'runtime') {
    const fd = reportFdOf(keeper);
    return (plan, what, value) => meet(plan, fd, { point: what, value });
  }
  return (plan, what, fd) => {
    if (what === 'seccomp')
      throw notImplemented('SCMP_ACT_NOTIFY is not supported for a container of the daemon');
    plan.sendFd('hand the terminal over', fd);
  };
}

/** In the parent, after the fork. */
export function tellForked(plan: PlanBuilder, keeper: Keeper, pid: Slot): void {
  if (keeper.kind === 'runtime') reportForked(plan, reportFdOf(keeper), pid);
}

/** In the child, before the root is entered: hooks run, and devices of the network move in. */
export function meetAtRoot(plan: PlanBuilder, keeper: Keeper): void {
  if (keeper.kind === 'runtime' && keeper.meetsAtRoot) meet(plan, reportFdOf(keeper), { point: 'root' });
}

/** In the parent, with the host's privilege: opens the FIFO, both ways, so that it has a reader from now on. */
export function openWait(plan: PlanBuilder, keeper: Keeper): Slot | undefined {
  if (keeper.kind === 'shim' || keeper.startIn === undefined) return undefined;
  const path = `${keeper.startIn}/${START_FIFO}`;
  return plan.call(`open "${path}"`, 'openat', [AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0], { save: true });
}

/**
 * The very last steps of the child: they tell the command that all is ready, and hold the process until `start` writes into the FIFO.
 * Nothing else of the host is open by then: who is in the container already might find it in /proc/1/fd.
 */
export function readySteps(keeper: Keeper, fifo?: Slot): ((plan: PlanBuilder) => void) | undefined {
  if (keeper.kind === 'shim') return undefined;
  return (plan) => {
    reportReady(plan, reportFdOf(keeper));
    if (fifo !== undefined) plan.call('wait for start', 'read', [fifo, new Uint8Array(8), 1]);
  };
}
