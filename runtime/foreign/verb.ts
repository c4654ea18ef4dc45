import type { MonitorConfig } from '../contract.ts';
import { placeMonitor } from '../monitor.ts';
import { PlanBuilder } from '../plan/builder.ts';
import { SIGCHLD } from '../plan/constants.ts';
import { cloneArgs } from '../plan/structs.ts';
import type { Plan } from '../plan/types.ts';
import { becomeRuntime, endWithShim } from './command.ts';
import type { ForeignContainer } from './contract.ts';

/** The plan of a process that has the runtime do one thing with a container: `['delete', '--force', id]`. Pure. */
export function buildForeignVerb(
  container: ForeignContainer,
  monitor: MonitorConfig,
  verb: readonly string[],
): Plan {
  const plan = new PlanBuilder();
  const { pid, parent } = plan.fork('fork', cloneArgs(0, SIGCHLD));
  endWithShim(plan);
  const { directory } = monitor;
  becomeRuntime(plan, container, { directory, verb });
  parent();
  plan.end();
  placeMonitor(plan, monitor, pid);
  return plan.build();
}
