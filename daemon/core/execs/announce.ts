import type { Core } from '../core.ts';
import { announce } from '../containers/announce.ts';
import type { ExecEntry } from './table.ts';

/** Publishes an exec's event on its container; some bear the command in their action, as docker has it. */
export function announceExec(
  core: Core,
  { id, view }: ExecEntry,
  event: {
    readonly action: 'exec_create' | 'exec_start' | 'exec_die' | 'exec_detach';
    readonly withCommand?: boolean;
    readonly attributes?: Readonly<Record<string, string>>;
  },
): void {
  const entry = core.table.byId(view.containerId);
  if (entry === undefined) return;
  const [program = '', ...args] = view.request.cmd;
  const action = event.withCommand === true ? `${event.action}: ${program} ${args.join(' ')}` : event.action;
  announce(core, entry, { action, attributes: { execID: id, ...event.attributes } });
}

/** Publishes the container's list of execs that have not ended. */
export function showExecs(core: Core, containerId: string): void {
  const entry = core.table.byId(containerId);
  if (entry !== undefined) core.table.publish(entry, { execIds: core.execTable.liveOf(containerId) });
}
