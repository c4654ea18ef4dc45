import { endRun } from '../containers/stop.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import { composeNeeded, knownNeeded } from './find.ts';
import { inOrder } from './graph.ts';

const OWN = { signal: undefined, timeoutS: undefined } as const;

/**
 * Stops every container, for the end of the host: each one when all are stopped that started after it. It does not count as stopped
 * by hand: the next daemon starts them by their policies. A failure is logged.
 */
export async function stopAll(core: Core): Promise<void> {
  core.restartTimers.close();
  const running = [...core.table.all()].filter(({ run }) => run !== undefined);
  const dependants = new Map<Entry, Entry[]>();
  for (const entry of running) {
    const needed = [...knownNeeded(core, entry), ...composeNeeded(core, entry).map((each) => each.entry)];
    for (const each of needed) dependants.set(each, [...(dependants.get(each) ?? []), entry]);
  }
  const after = (entry: Entry): readonly Entry[] => dependants.get(entry) ?? [];
  await inOrder(running, after, async (entry) => {
    const { run } = entry;
    if (run === undefined) return;
    try {
      await endRun(core, core.ctx, { entry, run, options: OWN });
    } catch (error) {
      core.ctx.log.error('Cannot stop a container at the end', { container: entry.id, error });
    }
  });
}
