import type { MonitorConfig } from '../contract.ts';
import { placeMonitor } from '../monitor.ts';
import { PlanBuilder } from '../plan/builder.ts';
import { SIGCHLD } from '../plan/constants.ts';
import { cloneArgs } from '../plan/structs.ts';
import type { Plan } from '../plan/types.ts';
import { becomeRuntime, endWithShim } from './command.ts';
import type { ForeignContainer } from './contract.ts';

/** The plan of a process that has the runtime forget a container, and kill it if it runs. Pure. */
export function buildForeignDelete(container: ForeignContainer, monitor: MonitorConfig): Plan {
  const plan = new PlanBuilder();
  const { pid, parent } = plan.fork('fork', cloneArgs(0, SIGCHLD));
  endWithShim(plan);
  const { directory } = monitor;
  becomeRuntime(plan, container, { directory, verb: ['delete', '--force', container.id] });
  parent();
  plan.end();
  placeMonitor(plan, monitor, pid);
  return plan.build();
}
