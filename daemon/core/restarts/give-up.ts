import type { Ctx } from '../../../common/ctx.ts';
import { lockContainer } from '../containers/lock.ts';
import { errorOf } from '../containers/state.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';

/** Ends the wait for the next start, as a client's stop; false if it does not wait. Takes no lock. */
export function giveUpRestart(core: Core, entry: Entry): boolean {
  const { state, restarts } = entry.view;
  if (state.kind !== 'restarting') return false;
  core.restartTimers.cancel(entry.id);
  const { restartAt: _restartAt, ...ended } = state;
  core.table.advance(entry, ['restarting'], {
    state: { ...ended, kind: 'exited' },
    change: { restarts: { ...restarts, manuallyStopped: true } },
  });
  entry.waiters.exited({ exitCode: state.exitCode, error: errorOf(state) });
  return true;
}

/** Remembers that a client ends it, over restarts of the daemon too. */
export function noteStop(core: Core, entry: Entry): void {
  const { restarts } = entry.view;
  if (!restarts.manuallyStopped) core.table.record(entry, { ...restarts, manuallyStopped: true });
}

/** Resolves when it is not being started any more: whoever wants to end it ends what that start makes. */
export async function startSettled(core: Core, ctx: Ctx, entry: Entry): Promise<void> {
  if (entry.view.state.kind !== 'starting') return;
  using _lock = await lockContainer(core, ctx, entry.id);
}
