import { failpoint } from '../../../common/failpoints.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import type { EditInProgress } from '../restarts/contract.ts';
import { removeVolume } from '../volumes/remove.ts';

/** Takes volumes back that were made for an edit which did not come to its end, and forgets that there was one. Idempotent. */
export async function endEdit(core: Core, entry: Entry, { volumes }: EditInProgress): Promise<void> {
  const used = new Set(entry.view.mounts.map(({ name }) => name));
  for (const name of volumes.filter((each) => !used.has(each))) {
    await core.background.run(
      'Cannot remove a volume of an edit',
      { container: entry.id, volume: name },
      () => removeVolume(core.volumeParts, core.ctx.detached(), { name, force: true }),
    );
  }
  await failpoint('container.edit.end');
  const { edit, ...restarts } = entry.view.restarts;
  if (edit !== undefined) core.table.record(entry, restarts);
}

/**
 * For a daemon that finds an edit which the last one did not end, before it looks at runs: what runs stays as it is; what is to run
 * again (`again`) still needs its places.
 */
export async function recoverEdit(core: Core, entry: Entry, hostRestarted: boolean): Promise<void> {
  const { edit } = entry.view.restarts;
  if (edit === undefined) return;
  await endEdit(core, entry, edit);
  if (edit.again && !hostRestarted)
    core.table.record(entry, { ...entry.view.restarts, edit: { ...edit, volumes: [] } });
}
