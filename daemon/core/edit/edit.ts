import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, conflict, messageOf, WherryError } from '../../../common/errors.ts';
import { startSettled } from '../restarts/give-up.ts';
import { announce } from '../containers/announce.ts';
import { lockContainer } from '../containers/lock.ts';
import { isUp } from '../containers/state.ts';
import type { ContainerEdit, EditResult } from '../contract.ts';
import type { Core } from '../core.ts';
import { editLive } from './live.ts';
import { recreate } from './recreate.ts';
import { settleEdit, type SettledEdit } from './settle.ts';
import { whatChanges } from './what-changes.ts';

/**
 * Containers.edit: live where that is possible, else the container is stopped and started anew on its own layer. Whatever happens to
 * the daemon meanwhile, its row is the old one or the new one, and it runs if it ran.
 */
export async function edit(
  core: Core,
  ctx: Ctx,
  { reference, change, dryRun }: EditRequest,
): Promise<EditResult> {
  const entry = core.table.find(reference);
  await startSettled(core, ctx, entry);
  using _lock = await lockContainer(core, ctx, entry.id);
  try {
    const { state } = entry.view;
    if (state.kind === 'removing' || state.kind === 'dead')
      throw conflict('container is marked for removal and cannot be "edit".');
    const settled = await settleEdit(core, ctx, { before: entry.view, change });
    const { live, anew } = whatChanges(core, entry.view, settled.view);
    const restarted = anew.length > 0 && isUp(state);
    if (restarted && state.kind === 'paused')
      throw conflict(`${anew.join(' and ')} cannot be changed while it is paused: unpause it first`);
    if (!dryRun && live.length + anew.length > 0) {
      await (anew.length === 0
        ? editLive(core, ctx, { entry, settled, change })
        : recreate(core, ctx, { entry, settled }));
      announce(core, entry, { action: 'update' });
    }
    return {
      live,
      anew,
      restarted,
      warnings: [...settled.warnings, ...warningsOf(core, settled, restarted)],
    };
  } catch (error) {
    throw new WherryError(codeOf(error), `Cannot edit container ${entry.id}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

export interface EditRequest {
  readonly reference: string;
  readonly change: ContainerEdit;
  readonly dryRun: boolean;
}

/** Who shares what a restart makes anew. */
function warningsOf(core: Core, { view }: SettledEdit, restarted: boolean): string[] {
  if (!restarted) return [];
  const own = `container:${view.id}`;
  return [...core.table.all()]
    .filter(({ view: { state, config } }) => {
      const { ipc, pid } = config.host.namespaces;
      return isUp(state) && [config.host.networkMode, ipc, pid].some((mode) => mode === own);
    })
    .map(
      ({ view: { name } }) =>
        `container ${name} stays in the namespaces of the old run until it is restarted`,
    );
}
