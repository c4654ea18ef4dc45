import { failpoint } from '../../../common/failpoints.ts';
import { restartEntry } from '../containers/start.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import { awaitDependencies } from '../dependencies/await.ts';
import { backoffOf } from './policy.ts';

/** Starts a container whose pause is over. Nothing if a client was faster. Its failure is in its state. */
export function restartNow(core: Core, id: string): void {
  const entry = core.table.byId(id);
  if (entry === undefined) return;
  void core.background.run('Cannot restart a container', { container: id }, async () => {
    await failpoint('container.restart.due');
    if (await isReady(core, entry)) await restartEntry(core, core.ctx, entry);
  });
}

/** What it starts after may be gone for a while: it goes on waiting then. */
async function isReady(core: Core, entry: Entry): Promise<boolean> {
  try {
    await awaitDependencies(core, core.ctx, entry);
    return true;
  } catch (error) {
    if (entry.view.state.kind !== 'restarting' || core.restartTimers.signal.aborted) return false;
    core.ctx.log.warn('A container waits for what it starts after', { container: entry.id, error });
    core.restartTimers.set(entry.id, backoffOf(entry.view.config.host.restartPolicy).minMs);
    return false;
  }
}
