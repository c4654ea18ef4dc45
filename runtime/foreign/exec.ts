import type { MonitorConfig } from '../contract.ts';
import { placeMonitor } from '../monitor.ts';
import { PlanBuilder } from '../plan/builder.ts';
import { SIGCHLD } from '../plan/constants.ts';
import { cloneArgs } from '../plan/structs.ts';
import type { Plan } from '../plan/types.ts';
import { awaitRuntime, becomeRuntime, endWithShim, placePipes, readPid } from './command.ts';
import { bundleFiles, type ForeignContainer } from './contract.ts';
import { listenForTerminal, takeTerminal } from './terminal.ts';

export interface ForeignExec {
  readonly container: ForeignContainer;
  /** Its directory has the process as `bundleFiles.process`. */
  readonly monitor: MonitorConfig;
}

/** Label of the step that fails when the runtime did: it said why itself. */
export const EXEC_FAILED = 'have the runtime start a process in the container';

/**
 * The plan of a further process in another runtime's container: what keeps it in there only that runtime knows. Its parent is gone when
 * the runtime has ended, as at a launch. Pure.
 */
export function buildForeignExec({ container, monitor }: ForeignExec): Plan {
  const { directory } = monitor;
  const plan = new PlanBuilder();
  plan.call(`enter "${directory}"`, 'chdir', [directory]);
  const terminal = monitor.tty ? listenForTerminal(plan) : undefined;
  const child = plan.fork('fork', cloneArgs(0, SIGCHLD));
  endWithShim(plan);
  placePipes(plan, monitor);
  const { process, pid, console } = bundleFiles;
  const options = ['--detach', '--process', process, '--pid-file', pid];
  const more = monitor.tty ? ['--console-socket', console] : [];
  becomeRuntime(plan, container, { directory, verb: ['exec', ...options, ...more, container.id] });
  child.parent();
  awaitRuntime(plan, child.pid, EXEC_FAILED);
  const init = readPid(plan);
  if (terminal !== undefined) takeTerminal(plan, terminal);
  plan.call('leave the directory', 'chdir', ['/']);
  plan.end();
  placeMonitor(plan, monitor, init);
  return plan.build();
}
