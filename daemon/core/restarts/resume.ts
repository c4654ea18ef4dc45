import { messageOf } from '../../../common/errors.ts';
import { Turns } from '../../../common/turns.ts';
import { removeInBackground } from '../containers/remove.ts';
import { startEntry } from '../containers/start.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import type { Boot } from './boot.ts';
import { awaitAll, awaitDependencies } from '../dependencies/await.ts';
import { TIMEOUT_MS } from '../dependencies/contract.ts';
import { composeNeeded, knownNeeded } from '../dependencies/find.ts';
import { inOrder } from '../dependencies/graph.ts';
import { pauseOf } from './pause.ts';
import { wantsRestart } from './policy.ts';

/** A host that has just begun has other things to do, too. */
const STARTS_PER_CPU = 4;

/**
 * What is to run by its policy, when a daemon comes: who waited for the next start goes on waiting, unless the host was restarted;
 * who has ended is started as docker does it (moby, Daemon.restore), in the background. The boot is recorded when all were asked
 * to start: a daemon that dies before does it again.
 */
export function resume(core: Core, boot: Boot): void {
  for (const entry of core.table.all()) {
    const { state } = entry.view;
    if (state.kind !== 'restarting') continue;
    if (boot.restarted) endWait(core, entry);
    else core.restartTimers.set(entry.id, pauseOf(state));
  }
  const ended = [...core.table.all()].filter(({ view }) => view.state.kind === 'exited');
  // A restart that a client asked for was cut off between its stop and its start.
  for (const entry of ended) if (entry.view.config.host.autoRemove) removeInBackground(core, entry);
  const starts = ended.filter(wantsStart);
  const turns = new Turns(STARTS_PER_CPU * core.host.cpus);
  void core.background.run('Cannot start containers', {}, async () => {
    const after = (entry: Entry): readonly Entry[] => [
      ...knownNeeded(core, entry),
      ...composeNeeded(core, entry).map((needed) => needed.entry),
    ];
    await inOrder(starts, after, (entry) => startLogged(core, entry, turns));
    if (core.restartTimers.signal.aborted) return;
    await boot.record();
  });
  core.restartTimers.release();
}

function wantsStart({ view }: Entry): boolean {
  const { state, config, restarts } = view;
  if (state.kind !== 'exited' || !restarts.started) return false;
  return wantsRestart(config.host.restartPolicy, restarts, state.exitCode);
}

async function startLogged(core: Core, entry: Entry, turns: Turns): Promise<void> {
  try {
    await followCompose(core, entry);
    await awaitDependencies(core, core.ctx, entry);
    using _turn = await turns.take();
    await startEntry(core, core.ctx, entry);
  } catch (error) {
    core.ctx.log.error('Cannot start a container with the daemon', { container: entry.id, error });
    showWhy(core, entry, error);
  }
}

/** Docker compose would have started it in this order; what it waits for in vain does not hold it back. */
async function followCompose(core: Core, entry: Entry): Promise<void> {
  const needed = composeNeeded(core, entry);
  if (needed.length === 0) return;
  try {
    await awaitAll(core, core.ctx, { needed, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    core.ctx.log.warn('A container is started before what it depends on', { container: entry.id, error });
  }
}

/** A start that came so far as to fail has said why; one that waited in vain has not. */
function showWhy(core: Core, entry: Entry, error: unknown): void {
  const { state } = entry.view;
  if (state.kind !== 'exited' || state.error !== '') return;
  core.table.advance(entry, ['exited'], { state: { ...state, error: messageOf(error) } });
}

function endWait(core: Core, entry: Entry): void {
  const { state } = entry.view;
  if (state.kind !== 'restarting') return;
  const { restartAt: _restartAt, ...ended } = state;
  core.table.advance(entry, ['restarting'], { state: { ...ended, kind: 'exited' } });
}
