import { readdir } from 'node:fs/promises';
import type { ExecEnd, ExecStore } from '../../store/execs.ts';
import type { Exec, ExecCreateRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import { announceExec, showExecs } from '../execs/announce.ts';
import { beginExec, endExec } from '../execs/end.ts';
import type { ExecEntry } from '../execs/table.ts';
import { findShim } from './find-shim.ts';

/** As for a process that was killed. */
const UNSEEN_EXIT_CODE = 137;

/**
 * Finds the execs again that the last daemon knew: those that ran, so that their exit codes are known, those that had ended, and
 * those that nobody has started yet.
 */
export async function recoverExecs(core: Core, store: ExecStore<ExecCreateRequest>): Promise<void> {
  const rows = store.all();
  const directories = new Set(await readdir(core.paths.shims));
  for (const { id, containerId, request, end } of rows) {
    core.execTable.adopt({ id, containerId, request, state: stateOf(end, directories.has(id)) }, end?.atMs);
  }
  const begun = [...core.execTable.all()].filter(({ view }) => view.state.kind === 'starting');
  await Promise.all(begun.map((exec) => recoverExec(core, exec)));
  for (const containerId of new Set(rows.map((row) => row.containerId))) {
    if (core.table.byId(containerId)?.run === undefined) core.execTable.dropUnstarted(containerId);
    if (core.table.byId(containerId) === undefined) core.execTable.forgetContainer(containerId);
    showExecs(core, containerId);
  }
}

/** The directory is made before anything else of a start, and goes after the end is written. */
function stateOf(end: ExecEnd | undefined, hasDirectory: boolean): Exec['state'] {
  if (end !== undefined) return { kind: 'exited', exitCode: end.exitCode, pid: end.pid };
  return { kind: hasDirectory ? 'starting' : 'created' };
}

async function recoverExec(core: Core, exec: ExecEntry): Promise<void> {
  const { id } = exec;
  const found = await findShim(core, id, {
    onDetach: (_client, reason) => {
      if (reason === 'keys') announceExec(core, exec, { action: 'exec_detach' });
    },
    onLogError: () => {},
  });
  if (found.kind === 'live') {
    beginExec(core, exec, found);
    return;
  }
  const exit = found.kind === 'ended' ? found.ending.exit : { code: UNSEEN_EXIT_CODE, pid: 0 };
  await endExec(core, exec, { from: 'starting', exitCode: exit.code, pid: exit.pid });
}
