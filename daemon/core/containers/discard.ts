import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Core } from '../core.ts';
import { cgroupPathOf, removeCgroup } from '../cgroups.ts';
import { removeDirectory } from '../remove-directory.ts';
import { within } from '../within.ts';
import { together } from '../together.ts';
import { removeAnonymousVolumes } from '../volumes/prepare.ts';
import type { Entry } from './table.ts';

/** Who does not take what he asked for holds up a removal no longer. */
const READERS_MS = 2_000;

/**
 * Deletes what a container that does not run has on disk, its row last: as long as anything is left, somebody owns it.
 * Idempotent. The caller holds the container's lock.
 */
export async function discard(
  core: Core,
  ctx: Ctx,
  { entry, volumes }: { readonly entry: Entry; readonly volumes: boolean },
): Promise<void> {
  {
    using _waits = ctx.waitsFor(() => 'its log to reach its receiver');
    await core.forwarders.finish(entry.id);
  }
  // A client that has waited for the end may remove it while its log is still on the way to it.
  await within(READERS_MS, core.logReaders.drained(entry.id));
  await failpoint('container.remove.snapshot');
  using _waits = ctx.waitsFor(() => 'its files to be deleted');
  await together([
    entry.cleared.then(() => dropRun(core, entry)),
    core.snapshots.remove(ctx, entry.id),
    removeDirectory(core.paths.container(entry.id)),
  ]);
  if (volumes) await removeAnonymousVolumes(core, ctx, entry.view);
  await failpoint('container.remove.row');
  core.table.remove(entry);
}

/**
 * What its last run may have left: a shim that began when the daemon had just died makes a cgroup that nobody knows of, and for want of
 * descriptors the clearing may have ended early. One that is still in use has its own clearing.
 */
async function dropRun(core: Core, { id, view }: Entry): Promise<void> {
  await removeDirectory(core.paths.shim(id));
  await removeCgroup(core.host.cgroups, cgroupPathOf(core, view)).catch((error: unknown) =>
    core.ctx.log.warn('A cgroup stays for now', { container: id, error }),
  );
}
