import { failpoint } from '../../../common/failpoints.ts';
import { restartEntry } from '../containers/start.ts';
import type { Core } from '../core.ts';

/** Starts a container whose pause is over. Nothing if a client was faster. Its failure is in its state. */
export function restartNow(core: Core, id: string): void {
  const entry = core.table.byId(id);
  if (entry === undefined) return;
  void core.background.run('Cannot restart a container', { container: id }, async () => {
    await failpoint('container.restart.due');
    await restartEntry(core, core.ctx, entry);
  });
}
