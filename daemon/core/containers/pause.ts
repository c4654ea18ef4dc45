import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, conflict, messageOf, WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Core } from '../core.ts';
import { announce } from './announce.ts';
import { freezeEntry, thawEntry } from './freeze.ts';
import { lockContainer } from './lock.ts';
import { within } from '../within.ts';
import { runOf } from './state.ts';
import { tellPaused } from '../tasks/docker-events.ts';

const PROBE_TIMEOUT_MS = 1_000;

/**
 * Containers.pause. Frozen first, written after: a daemon that dies in between finds a running container, and thaws it.
 */
export async function pause(core: Core, ctx: Ctx, reference: string): Promise<void> {
  const entry = core.table.find(reference);
  using _lock = await lockContainer(core, ctx, entry.id);
  const run = runOf(entry);
  const { state } = entry.view;
  if (state.kind === 'paused') throw conflict(`Container ${entry.id} is already paused`);
  if (state.kind !== 'running') throw conflict(`container ${entry.id} is not running`);
  // A probe that is frozen could not be ended.
  await within(PROBE_TIMEOUT_MS, core.health.rest(entry));
  try {
    using _waits = ctx.waitsFor(() => 'its processes to freeze');
    await freezeEntry(core, entry);
    await failpoint('container.pause.frozen');
    const next = { state: { ...state, kind: 'paused' } } as const;
    if (run.killed || !core.table.advance(entry, ['running'], next))
      throw conflict(`container ${entry.id} is not running`);
  } catch (error) {
    await thawEntry(core, entry);
    core.health.watch(entry);
    throw new WherryError(codeOf(error), `Cannot pause container ${entry.id}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  announce(core, entry, { action: 'pause' });
  tellPaused(core, entry.id, 'paused');
}
