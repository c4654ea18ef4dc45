import { notImplemented } from '../common/errors.ts';
import type { PlanBuilder } from './plan/builder.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, O_WRONLY } from './plan/constants.ts';
import type { Slot } from './plan/types.ts';
import type { Keeper, RuntimeKeeper } from './contract.ts';
import type { HandOver } from './process/contract.ts';
import { meet, reportForked, reportReady } from './report.ts';

/** The FIFO in a container's state directory that its init opens when all is ready, and `start` reads. */
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

/**
 * In the child, while the host's root is still there: opens what the wait for `start` needs. The returned steps tell the command that
 * all is ready, and hold the process until `start` opens the FIFO. Its directory has to let any user search it.
 */
export function prepareWait(plan: PlanBuilder, keeper: Keeper): ((plan: PlanBuilder) => void) | undefined {
  if (keeper.kind === 'shim') return undefined;
  const { startIn } = keeper;
  const ready = (to: PlanBuilder): void => reportReady(to, reportFdOf(keeper));
  if (startIn === undefined) return ready;
  const directory = plan.call(
    `open "${startIn}"`,
    'openat',
    [AT_FDCWD, startIn, O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
    {
      save: true,
    },
  );
  return (to) => {
    ready(to);
    const fifo = to.call('wait for start', 'openat', [directory, START_FIFO, O_WRONLY | O_CLOEXEC, 0], {
      save: true,
    });
    to.call('go on', 'write', [fifo, '0', 1]);
    to.close(fifo);
  };
}
