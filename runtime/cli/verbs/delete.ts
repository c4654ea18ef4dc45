import { conflict } from '../../../common/errors.ts';
import { bool } from '../../../common/flags/flag.ts';
import type { Settings } from '../../container/contract.ts';
import { destroy } from '../../container/destroy.ts';
import { forceDelete } from '../../container/force-delete.ts';
import { loadRecord, lockContainer } from '../../container/state-directory.ts';
import { statusOf } from '../../container/status.ts';
import { verb } from '../verb.ts';

export const entry = verb({
  usage: '[OPTIONS] CONTAINER',
  flags: { force: bool('Kill the container if it still runs, and remove whatever is left', { short: 'f' }) },
  arity: [1, 1],
  run: async ({ settings, flags: { force }, args: [id = ''] }) => {
    await (force || isCreated(settings, id) ? forceDelete(settings, id) : deleteStopped(settings, id));
    return 0;
  },
});

/** One that was never started goes without force, as with runc: containerd counts on it. */
const isCreated = (settings: Settings, id: string): boolean =>
  statusOf(settings, loadRecord(settings.root, id)) === 'created';

async function deleteStopped(settings: Settings, id: string): Promise<void> {
  using _ = lockContainer(settings.root, id);
  const record = loadRecord(settings.root, id);
  const status = statusOf(settings, record);
  // Nothing of a created one has run yet.
  if (status !== 'stopped' && status !== 'created')
    throw conflict(`cannot delete container ${id} that is not stopped: ${status}`);
  await destroy(settings, record);
}
