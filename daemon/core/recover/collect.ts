import { readdir, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { cgroupPathOf, removeCgroup } from '../cgroups.ts';
import { removeInBackground } from '../containers/remove.ts';
import type { Core } from '../core.ts';
import { findShim } from './find-shim.ts';

/**
 * Removes what a crash left without an owner: directories without a row, rows without a directory, snapshots, and the remains of
 * runs whose exit is recorded. Cgroups are found through containers only: their parent may be shared with another daemon.
 */
export async function collect(core: Core): Promise<void> {
  const [directories, shims] = await Promise.all([readdir(core.paths.containers), readdir(core.paths.shims)]);
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
  ]);
}

async function collectShim(core: Core, id: string): Promise<void> {
  const entry = core.table.byId(id);
  if (entry !== undefined) {
    if (entry.run !== undefined) return;
    await entry.cleared;
    await removeCgroup(core.host.cgroups, cgroupPathOf(core, entry.view));
  } else if (core.execTable.isLive(id)) {
    return;
  } else {
    const found = await findShim(core, id, { onDetach: () => {}, onLogError: () => {} });
    if (found.kind === 'live') {
      core.ctx.log.error('A process belongs to nobody and is killed', { id, pid: found.shim.pid });
      await found.shim.signal(core.ctx.detached(), constants.signals.SIGKILL);
      await found.ended;
    }
  }
  await rm(core.paths.shim(id), { recursive: true, force: true });
}
