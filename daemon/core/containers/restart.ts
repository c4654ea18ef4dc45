import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Core } from '../core.ts';
import { awaitDependencies } from '../dependencies/await.ts';
import { startSettled } from '../restarts/give-up.ts';
import { announce } from './announce.ts';
import { startEntry } from './start.ts';
import { stopEntry, type StopOptions } from './stop.ts';

/** Containers.restart: a container that removes itself at its end survives this end. */
export async function restart(
  core: Core,
  ctx: Ctx,
  { reference, options }: { readonly reference: string; readonly options: StopOptions },
): Promise<void> {
  const entry = core.table.find(reference);
  await startSettled(core, ctx, entry);
  const { run } = entry;
  if (run !== undefined) run.keep = true;
  try {
    await stopEntry(core, ctx, { entry, options });
  } catch (error) {
    if (run !== undefined) run.keep = false;
    throw error;
  }
  await failpoint('container.restart.stopped');
  await awaitDependencies(core, ctx, entry);
  await startEntry(core, ctx, entry);
  announce(core, entry, { action: 'restart' });
}
