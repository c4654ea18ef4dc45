import { removeCgroups } from './cgroups.ts';
import type { ContainerRecord, Settings } from './contract.ts';
import { runHooksQuietly } from './hooks.ts';
import { isAlive } from './status.ts';
import { signalProcess } from './kill.ts';
import { removeStateDirectory } from './state-directory.ts';

const SIGKILL = 9;

/** Ends what is left of a container's processes, and removes its cgroups and its state; then its poststop hooks run. */
export async function destroy(settings: Settings, record: ContainerRecord): Promise<void> {
  const { init, cgroups, id } = record;
  if (init !== undefined && isAlive(init)) signalProcess(init, SIGKILL);
  if (cgroups !== undefined) await removeCgroups(settings, cgroups);
  removeStateDirectory(settings.root, id);
  runHooksQuietly(settings, record, { point: 'poststop', status: 'stopped' });
}
