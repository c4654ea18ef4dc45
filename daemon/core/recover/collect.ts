import { readdir, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '../../../common/errors.ts';
import { cgroupPathOf, removeCgroup } from '../cgroups.ts';
import { DOCKER_NAMESPACE } from '../../../image/namespaces/docker.ts';
import { removeInBackground } from '../containers/remove.ts';
import type { Core } from '../core.ts';
import { PROBE_PREFIX } from '../health/probe-command.ts';
import { removeDirectory } from '../remove-directory.ts';
import { deleteFromRuntime } from '../runtimes/delete.ts';
import { removeRecord } from '../runtimes/record.ts';
import { within } from '../within.ts';
import { findShim, type FoundShim } from './find-shim.ts';

/**
 * Removes what a crash left without an owner: directories without a row, rows without a directory, snapshots, and the remains of
 * runs whose exit is recorded. Cgroups are found through containers only: their parent may be shared with another daemon.
 */
export async function collect(core: Core): Promise<void> {
  const [directories, shims, records] = await Promise.all([
    readdir(core.paths.containers),
    readdir(core.paths.shims),
    readdir(core.paths.runtime(DOCKER_NAMESPACE)),
  ]);
  const known = (id: string): boolean => core.table.byId(id) !== undefined;
  const have = new Set(directories);
  for (const entry of core.table.all()) if (!have.has(entry.id)) removeInBackground(core, entry);
  await Promise.all([
    ...directories
      .filter((name) => !known(name))
      .map((name) => rm(join(core.paths.containers, name), { recursive: true, force: true })),
    ...core.snapshots
      .keys()
      .filter((key) => !known(key))
      .map((key) => core.snapshots.remove(core.ctx, key)),
    ...shims.map((name) => collectShim(core, name)),
    ...records.filter((id) => core.table.byId(id)?.run === undefined).map((id) => removeRecord(core, id)),
  ]);
  // By now nobody writes one any more.
  const checkpoints = (await readdir(core.paths.checkpoints)).filter((name) => !core.tasks.owns(name));
  await Promise.all(checkpoints.map((name) => removeDirectory(core.paths.checkpoint(name))));
}

/** A frozen one dies when it is thawed: nobody waits for that, and what it has is cleared away then. */
const STRAY_TIMEOUT_MS = 2_000;

/** Healthchecks have no row: those that ran when the last daemon died are ended here, with all that they started. */
async function endStray(
  core: Core,
  id: string,
  { shim, ended }: Extract<FoundShim, { kind: 'live' }>,
): Promise<void> {
  const isProbe = id.startsWith(PROBE_PREFIX);
  if (!isProbe) core.ctx.log.error('A process belongs to nobody and is killed', { id, pid: shim.pid });
  const { SIGKILL } = constants.signals;
  // A runtime's verb leads no group.
  for (const signal of [-SIGKILL, SIGKILL])
    await shim.signal(core.ctx.detached(), signal).catch((error: unknown) => {
      if (codeOf(error) !== 'not-found') core.ctx.log.error('Cannot kill a stray process', { id, error });
    });
  const removed = ended.then(() => rm(core.paths.shim(id), { recursive: true, force: true }));
  await within(STRAY_TIMEOUT_MS, removed);
}

async function collectShim(core: Core, id: string): Promise<void> {
  const entry = core.table.byId(id);
  if (entry !== undefined) {
    if (entry.run !== undefined) return;
    await entry.cleared;
    await deleteFromRuntime(core, entry.view);
    await removeCgroup(core.host.cgroups, cgroupPathOf(core, entry.view));
  } else if (core.execTable.isLive(id) || core.tasks.owns(id)) {
    return;
  } else {
    const found = await findShim(core, id, { onDetach: () => {}, onLogError: () => {} });
    if (found.kind === 'live') {
      await endStray(core, id, found);
      return;
    }
  }
  await rm(core.paths.shim(id), { recursive: true, force: true });
}
