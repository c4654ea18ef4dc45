import type { Ctx } from '../../../common/ctx.ts';
import { conflict, WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { Undo } from '../../../common/undo.ts';
import type { Attachment } from '../../../shim/contract.ts';
import type { ContainerState } from '../contract.ts';
import type { Core } from '../core.ts';
import { awaitDependencies } from '../dependencies/await.ts';
import { NEVER_STARTED, type RestartRecord } from '../restarts/contract.ts';
import { removeDirectory } from '../remove-directory.ts';
import { announce, announceNetwork } from './announce.ts';
import { beginRun } from './begin-run.ts';
import { reserveRequestOf } from './join-networks.ts';
import { launch } from './launch.ts';
import { lockContainer } from './lock.ts';
import { publishPorts } from './publish.ts';
import { removeInBackground, removeLocked } from './remove.ts';
import { startFailure, type StartFailure } from './start-failure.ts';
import type { Entry } from './table.ts';
import { tellStarted } from '../tasks/docker-events.ts';

/** Containers.start. */
export async function start(core: Core, ctx: Ctx, reference: string): Promise<void> {
  const entry = core.table.find(reference);
  if (entry.run === undefined) {
    await awaitDependencies(core, ctx, entry).catch((error: unknown) => {
      refuseStart(core, entry);
      throw error;
    });
  }
  await startEntry(core, ctx, entry);
}

/** It did not even begin: who attached is let go, and what was to remove itself goes, as after a start that failed. */
function refuseStart(core: Core, entry: Entry): void {
  for (const { socket } of entry.pending.splice(0)) socket.destroy();
  if (entry.view.config.host.autoRemove) removeInBackground(core, entry);
}

/** Takes the container's lock. A failure leaves the container as it was, with its error and exit code. */
export async function startEntry(core: Core, ctx: Ctx, entry: Entry): Promise<void> {
  using _lock = await lockContainer(core, ctx, entry.id);
  await cleared(ctx, entry);
  const before = checkStartable(entry.view.state);
  const { started } = entry.view.restarts;
  await startFrom(core, ctx, { entry, before, restarts: { ...NEVER_STARTED, started } });
}

async function cleared(ctx: Ctx, entry: Entry): Promise<void> {
  using _waits = ctx.waitsFor(() => 'what its last run left to be cleared away');
  await entry.cleared;
}

/** The same by its policy: nothing if a client stopped or removed it meanwhile. */
export async function restartEntry(core: Core, ctx: Ctx, entry: Entry): Promise<void> {
  using _lock = await lockContainer(core, ctx, entry.id);
  await cleared(ctx, entry);
  const { state, restarts } = entry.view;
  if (state.kind === 'restarting') await startFrom(core, ctx, { entry, before: state, restarts });
}

/** The same for a container that waits or has ended, whose lock the caller holds. */
export async function startHeld(core: Core, ctx: Ctx, entry: Entry): Promise<void> {
  await entry.cleared;
  const { state, restarts } = entry.view;
  if (state.kind === 'restarting' || state.kind === 'exited')
    await startFrom(core, ctx, { entry, before: state, restarts });
}

interface StartFrom {
  readonly entry: Entry;
  readonly before: Startable;
  readonly restarts: RestartRecord;
}

async function startFrom(core: Core, ctx: Ctx, { entry, before, restarts }: StartFrom): Promise<void> {
  const starting: ContainerState = {
    kind: 'starting',
    ...(before.kind === 'created' ? {} : { before }),
  };
  core.table.advance(entry, [before.kind], { state: starting, change: { restarts } });
  try {
    await run(core, ctx, { entry, before });
  } catch (error) {
    const failure = startFailure(error);
    await failed(core, entry, { before, failure });
    throw failure.error;
  }
}

type Startable = Extract<ContainerState, { readonly kind: 'created' | 'exited' | 'restarting' }>;

function checkStartable(state: ContainerState): Exclude<Startable, { readonly kind: 'restarting' }> {
  switch (state.kind) {
    case 'created':
    case 'exited':
      return state;
    case 'starting':
    case 'running':
    case 'restarting':
      throw new WherryError('not-modified', 'container is already running');
    case 'paused':
      throw conflict('cannot start a paused container, try unpause instead');
    case 'removing':
    case 'dead':
      throw conflict('container is marked for removal and cannot be started');
  }
}

/** Reserve, act, persist, publish; what was done is undone in reverse when a step fails. */
async function run(
  core: Core,
  ctx: Ctx,
  { entry, before }: { readonly entry: Entry; readonly before: Startable },
): Promise<void> {
  const { id, view } = entry;
  await using undo = new Undo();
  await failpoint('container.start.row');
  const reserved = await core.networks.reserve(ctx, id, reserveRequestOf(core, view));
  // What can't be undone is logged, and does not hide why the start failed.
  const defer = (what: string, step: () => Promise<unknown>): void =>
    undo.defer(() => core.background.run(what, { container: id }, step));
  defer('Cannot release the address of a failed start', () => core.networks.release(ctx.detached(), id));
  await failpoint('container.start.network');
  defer('Cannot withdraw the ports of a failed start', () => core.ports.withdraw(ctx.detached(), id));
  await publishPorts(core, ctx, { view, sandbox: reserved });
  const sandbox = await core.networks.furnish(ctx, id, core.ports.through(id));
  defer('Cannot remove the directory of a shim', () => removeDirectory(core.paths.shim(id)));
  const fresh = before.kind === 'created' && before.error === '';
  const takePending = (): Attachment[] => entry.pending.splice(0);
  const launched = await launch(core, ctx, { view, sandbox, takePending, fresh, undo });
  await failpoint('container.start.started');
  const published = beginRun(core, entry, launched);
  undo.commit();
  for (const endpoint of sandbox.endpoints) announceNetwork(core, 'connect', endpoint);
  announce(core, entry, { action: 'start' });
  if (entry.run !== undefined) tellStarted(core, entry, entry.run);
  await published;
}

/** Back to where it was, with the error; docker removes a container that was to remove itself. */
async function failed(
  core: Core,
  entry: Entry,
  { before, failure }: { readonly before: Startable; readonly failure: StartFailure },
): Promise<void> {
  core.table.advance(entry, ['starting'], { state: afterFailure(before, failure) });
  if (before.kind === 'restarting')
    entry.waiters.exited({ exitCode: before.exitCode, error: failure.error.message });
  for (const { socket } of entry.pending.splice(0)) socket.destroy();
  if (!entry.view.config.host.autoRemove || entry.view.restarts.edit !== undefined) return;
  await core.background.run('Cannot remove a container that did not start', { container: entry.id }, () =>
    removeLocked(core, core.ctx.detached(), { entry, volumes: true }),
  );
}

/** As docker: a policy gives up when it can't start the container, which shows the code of its last run then. */
function afterFailure(before: Startable, { exitCode, error }: StartFailure): ContainerState {
  if (before.kind !== 'restarting') return { ...before, exitCode, error: error.message };
  const { restartAt: _restartAt, ...ended } = before;
  return { ...ended, kind: 'exited', error: error.message };
}
