import { failpoint } from '../../../common/failpoints.ts';
import type { Shim } from '../../../shim/contract.ts';
import type { Core } from '../core.ts';
import type { Ending } from '../process-watch.ts';
import { removeDirectory } from '../remove-directory.ts';
import { untilDone } from '../until-done.ts';
import { announceExec, showExecs } from './announce.ts';
import type { ExecEntry } from './table.ts';
import { tellExecEnded, tellExecStarted } from '../tasks/docker-events.ts';

/** As for a container whose shim was killed. */
const LOST_EXIT_CODE = 137;

/** Shows an exec as running and looks after its end. */
export function beginExec(
  core: Core,
  exec: ExecEntry,
  { shim, ended }: { readonly shim: Shim; readonly ended: Promise<Ending> },
): void {
  const { pid } = shim;
  core.execTable.advance(exec, 'starting', { kind: 'running', pid });
  exec.shim = shim;
  exec.begun.resolve();
  tellExecStarted(core, exec, pid);
  void ended.then((ending) => {
    const exitCode = ending.kind === 'exit' ? ending.exit.code : LOST_EXIT_CODE;
    if (ending.kind === 'lost') core.ctx.log.error('The shim of an exec is gone', { exec: exec.id });
    return core.background.run('Cannot end an exec', { exec: exec.id }, () =>
      endExec(core, exec, { from: 'running', exitCode, pid }),
    );
  });
}

/** Records the end, then clears away. */
export async function endExec(
  core: Core,
  exec: ExecEntry,
  end: { readonly from: 'starting' | 'running'; readonly exitCode: number; readonly pid: number },
): Promise<void> {
  const { exitCode, pid } = end;
  exec.shim = undefined;
  core.execTable.advance(exec, end.from, { kind: 'exited', exitCode, pid });
  exec.begun.resolve();
  showExecs(core, exec.view.containerId);
  // What never ran does not die, as in docker.
  if (end.from === 'running')
    announceExec(core, exec, { action: 'exec_die', attributes: { exitCode: String(exitCode) } });
  if (pid !== 0) tellExecEnded(core, exec, end);
  core.events.settle();
  await failpoint('exec.exit.files');
  await removeDirectory(core.paths.shim(exec.id)).catch((error: unknown) =>
    removeLater(core, exec.id, error),
  );
  // It outlived its container.
  const { containerId } = exec.view;
  if (core.table.byId(containerId) === undefined) core.execTable.forgetContainer(containerId);
}

/** For want of descriptors, say. Nobody else makes a directory of its name: it goes when it can, or at the next start. */
function removeLater(core: Core, id: string, cause: unknown): void {
  core.ctx.log.warn('The directory of an exec stays for now', { exec: id, error: cause });
  untilDone(core, () => removeDirectory(core.paths.shim(id))).catch(() => {});
}
