import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { codeOf, internal } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { newId } from '../../../common/ids.ts';
import type { MonitorConfig } from '../../../runtime/contract.ts';
import { buildForeignDelete } from '../../../runtime/foreign/delete.ts';
import { cgroupPathOf, killCgroup } from '../cgroups.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { watchProcess } from '../process-watch.ts';
import { removeDirectory } from '../remove-directory.ts';
import { within } from '../within.ts';
import { bundleOf, foreignContainer, readRuntime } from './bundle.ts';

/** A runtime that does not end by then is killed, and what it has left is removed without it. */
const TIMEOUT_MS = 30_000;

/**
 * Has another runtime forget a container whose run is over; nothing for one of our own. A runtime that fails is logged: its state lies
 * in the bundle, which goes, and its cgroup is removed by the caller.
 */
export async function deleteFromRuntime(core: Core, view: Container): Promise<void> {
  const { id } = view;
  const runtime = await readRuntime(bundleOf(core.paths, id));
  if (runtime === undefined) return;
  await killCgroup(core.host.cgroups, cgroupPathOf(core, view));
  try {
    await failpoint('runtime.delete');
    await runDelete(core, id, runtime);
  } catch (error) {
    core.ctx.log.warn('A runtime did not delete its container', {
      container: id,
      runtime: runtime.path,
      error,
    });
  }
}

async function runDelete(
  core: Core,
  container: string,
  runtime: Parameters<typeof foreignContainer>[2],
): Promise<void> {
  const id = newId();
  const directory = core.paths.shim(id);
  const ctx = core.ctx.detached(TIMEOUT_MS);
  const { hooks, ended } = watchProcess({ onDetach: () => {}, onLogError: () => {} });
  await mkdir(directory, { mode: 0o700 });
  try {
    const plan = buildForeignDelete(
      foreignContainer(core.paths, container, runtime),
      monitorOf(id, directory),
    );
    const shim = await core.launcher.launch(ctx, { id, directory, plan, attach: [], hooks });
    if (!(await within(TIMEOUT_MS, ended))) {
      await shim.signal(core.ctx.detached(TIMEOUT_MS), constants.signals.SIGKILL).catch((error: unknown) => {
        if (codeOf(error) !== 'not-found') throw error;
      });
      throw internal(`It did not end within ${TIMEOUT_MS} ms`);
    }
    const ending = await ended;
    if (ending.kind === 'lost' || ending.exit.code !== 0)
      throw internal(ending.kind === 'lost' ? 'Its shim is gone' : `It ended with code ${ending.exit.code}`);
  } finally {
    await removeDirectory(directory);
  }
}

const monitorOf = (id: string, directory: string): MonitorConfig => ({
  ...{ id, directory, tty: false, consoleSize: undefined, stdin: 'none', log: undefined },
  ...{ drainMs: 0, oomFile: undefined },
});
