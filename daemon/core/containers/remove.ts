import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, conflict, messageOf, WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Core } from '../core.ts';
import { announce } from './announce.ts';
import { discard } from './discard.ts';
import { killAndWait } from './kill.ts';
import { lockContainer } from './lock.ts';
import { exitCodeOf } from './state.ts';
import type { Entry } from './table.ts';

/** Containers.remove. A second one while the first is at work is refused. */
export async function remove(
  core: Core,
  ctx: Ctx,
  {
    reference,
    force,
    volumes,
  }: { readonly reference: string; readonly force: boolean; readonly volumes: boolean },
): Promise<void> {
  const entry = core.table.find(reference);
  if (core.removals.has(entry.id)) throw conflict(`removal of container ${reference} is already in progress`);
  core.removals.add(entry.id);
  try {
    using _lock = await lockContainer(core, ctx, entry.id);
    // Under the lock: nobody starts it again in between.
    if (force) await killAndWait(core, ctx, entry);
    await removeLocked(core, ctx, { entry, volumes });
  } catch (error) {
    throw new WherryError(codeOf(error), `cannot remove container "${reference}": ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    core.removals.delete(entry.id);
  }
}

/** For `--rm`, and to finish what was interrupted: nobody is told of a failure but the log. */
export function removeInBackground(core: Core, entry: Entry): void {
  const remove = async (ctx: Ctx): Promise<void> => {
    using _lock = await lockContainer(core, ctx, entry.id);
    await removeLocked(core, ctx.detached(), { entry, volumes: goesWithVolumes(entry) });
  };
  const what = { name: 'remove', subject: { kind: 'container', id: entry.id } } as const;
  void core.background.run('Cannot remove a container', { container: entry.id }, () =>
    core.operations.run(core.ctx, what, remove),
  );
}

/** With `--rm`, when a client said so before, and where it was never whole. */
const goesWithVolumes = ({ view: { config, state, overlay } }: Entry): boolean =>
  config.host.autoRemove || overlay.upper === '' || (state.kind === 'removing' && state.volumes === true);

/** Nothing if somebody else removed it meanwhile. The caller holds the lock. Throws `conflict` when it runs. */
export async function removeLocked(
  core: Core,
  ctx: Ctx,
  { entry, volumes }: { readonly entry: Entry; readonly volumes: boolean },
): Promise<void> {
  if (core.table.byId(entry.id) === undefined) return;
  const exitCode = exitCodeOf(entry.view.state);
  const state = { kind: 'removing', exitCode, ...(volumes ? { volumes } : {}) } as const;
  if (!core.table.advance(entry, ['created', 'exited', 'dead', 'removing'], { state })) {
    if (entry.view.state.kind === 'paused') throw conflict('container is paused and must be unpaused first');
    throw conflict(`container is ${statusOf(entry)}: stop the container before removing or force remove`);
  }
  try {
    await failpoint('container.remove.begin');
    // The client's leave does not stop what has begun.
    await discard(core, ctx.detached(), { entry, volumes });
  } catch (error) {
    core.table.advance(entry, ['removing'], { state: { kind: 'dead', exitCode, error: messageOf(error) } });
    throw error;
  }
  for (const { socket } of entry.pending.splice(0)) socket.destroy();
  core.execTable.forgetContainer(entry.id);
  core.health.forget(entry);
  announce(core, entry, { action: 'destroy' });
  entry.waiters.removed({ exitCode, error: undefined });
}

const statusOf = ({ view }: Entry): string => (view.state.kind === 'starting' ? 'running' : view.state.kind);
