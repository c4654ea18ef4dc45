import type { Ctx } from '../../../common/ctx.ts';
import { internal } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Core } from '../core.ts';
import { announce } from './announce.ts';
import { thawEntry } from './freeze.ts';
import { lockContainer } from './lock.ts';
import type { Entry } from './table.ts';
import { tellPaused } from '../tasks/docker-events.ts';

/** Containers.unpause. */
export async function unpause(core: Core, ctx: Ctx, reference: string): Promise<void> {
  const entry = core.table.find(reference);
  using _lock = await lockContainer(core, ctx, entry.id);
  // Docker's code for this is 500.
  if (!(await goOn(core, entry))) throw internal(`Container ${entry.id} is not paused`);
}

/**
 * Thaws a paused container; false if it is none. Takes no lock, since whoever removes a container holds it. Thawed first, written
 * after: a daemon that starts looks at the freezer of what was paused.
 */
export async function goOn(core: Core, entry: Entry): Promise<boolean> {
  if (entry.view.state.kind !== 'paused') return false;
  await thawEntry(core, entry);
  await failpoint('container.unpause.thawed');
  const { state } = entry.view;
  if (state.kind !== 'paused') return true;
  core.table.advance(entry, ['paused'], { state: { ...state, kind: 'running' } });
  announce(core, entry, { action: 'unpause' });
  tellPaused(core, entry.id, 'resumed');
  core.health.watch(entry);
  return true;
}
