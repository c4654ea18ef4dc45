import { codeOf } from '../../../common/errors.ts';
import type { OverlayDirs } from '../../../image/snapshots.ts';
import type { ContainerStore } from '../../store/containers.ts';
import { beginRun, exitedAs, exitedUnseen, settleExit } from '../containers/begin-run.ts';
import { isEntryFrozen, thawEntry } from '../containers/freeze.ts';
import { changePorts } from '../containers/publish.ts';
import { removeInBackground } from '../containers/remove.ts';
import { detachHooks } from '../containers/sessions.ts';
import { isUp } from '../containers/state.ts';
import { withNetworks } from '../containers/join-networks.ts';
import type { Entry, Fixed } from '../containers/table.ts';
import { cgroupPathOf, killCgroup } from '../cgroups.ts';
import type { ContainerState } from '../contract.ts';
import { recoverEdit } from '../edit/end-edit.ts';
import { NEVER_STARTED, type RestartRecord } from '../restarts/contract.ts';
import type { Core } from '../core.ts';
import { bundleOf, readRuntime } from '../runtimes/bundle.ts';
import { deleteFromRuntime } from '../runtimes/delete.ts';
import { findShim, type FoundShim } from './find-shim.ts';

/** Docker's exit code of a container whose end nobody saw. */
const UNSEEN_EXIT_CODE = 255;
const NO_OVERLAY: OverlayDirs = { lower: [], upper: '', work: '' };
const HALF_MADE: ContainerState = { kind: 'removing', exitCode: 0, volumes: true };

export interface FoundContainer {
  readonly entry: Entry;
  readonly shim: FoundShim;
}

/** Shows every container that has a row, and finds the shims of those that may run. */
export async function findContainers(
  core: Core,
  store: ContainerStore<Fixed, ContainerState, Partial<RestartRecord>>,
): Promise<readonly FoundContainer[]> {
  const entries = store.all().map(({ id, name, container, state, restarts }) => {
    const overlay = overlayOf(core, id);
    return core.table.adopt({
      ...container,
      config: withNetworks(container.config),
      name,
      // Nobody takes for a container what was never whole, and is about to go.
      state: overlay === NO_OVERLAY ? HALF_MADE : state,
      restarts: { ...NEVER_STARTED, ...restarts },
      overlay,
      sandbox: undefined,
      sandboxKey: '',
      ports: [],
      execIds: [],
      health: undefined,
    });
  });
  return Promise.all(
    entries.map(async (entry): Promise<FoundContainer> => {
      const { state } = entry.view;
      const mayRun = state.kind === 'starting' || isUp(state);
      const shim = mayRun
        ? await findShim(core, entry.id, {
            ...detachHooks(core, entry.id),
            beforeRemoval: () => deleteFromRuntime(core, entry.view),
          })
        : ({ kind: 'none' } as const);
      return { entry, shim };
    }),
  );
}

/** Without a snapshot its creation did not come to its end. */
function overlayOf(core: Core, id: string): OverlayDirs {
  try {
    return core.snapshots.get(id);
  } catch (error) {
    if (codeOf(error) === 'not-found') return NO_OVERLAY;
    throw error;
  }
}

/** Makes the state true again: running, ended meanwhile, or back before a start that was interrupted. */
export async function settleContainer(
  core: Core,
  { entry, shim }: FoundContainer,
  hostRestarted: boolean,
): Promise<void> {
  await recoverEdit(core, entry, hostRestarted);
  const { state, overlay } = entry.view;
  if (state.kind === 'removing' || state.kind === 'dead' || overlay.upper === '') {
    removeInBackground(core, entry);
    return;
  }
  if (state.kind !== 'starting' && !isUp(state)) return;
  // After a restart of the host everybody starts anew, in their order.
  const done = { after: Promise.resolve(), keep: false, again: () => !hostRestarted };
  switch (shim.kind) {
    case 'live':
      await settleFreezer(core, entry);
      const runtime = await readRuntime(bundleOf(core.paths, entry.id));
      await beginRun(core, entry, { ...shim, spec: undefined, runtime });
      await recoverPorts(core, entry);
      return;
    case 'ended':
      await settleExit(core, entry, { exited: exitedAs(shim.ending.exit), ...done });
      return;
    case 'none':
      await killCgroup(core.host.cgroups, cgroupPathOf(core, entry.view));
      if (state.kind === 'starting') await backToBefore(core, entry, state);
      else await settleExit(core, entry, { exited: exitedUnseen(state, UNSEEN_EXIT_CODE), ...done });
  }
}

/** An edit may have changed them, and not got to its row. */
const recoverPorts = (core: Core, entry: Entry): Promise<unknown> =>
  core.background.run('Cannot publish ports again', { container: entry.id }, async () => {
    await changePorts(core, core.ctx, entry.view);
    core.table.publish(entry, { ports: core.ports.of(entry.id) });
  });

/** A commit, or a pause, that the last daemon did not end has left it frozen; or it died when it had just thawed it. */
async function settleFreezer(core: Core, entry: Entry): Promise<void> {
  const { state } = entry.view;
  if (state.kind !== 'paused') await thawEntry(core, entry);
  else if (!(await isEntryFrozen(core, entry)))
    core.table.advance(entry, ['paused'], { state: { ...state, kind: 'running' } });
}

/** The start did not come to the point where anything ran. */
async function backToBefore(
  core: Core,
  entry: Entry,
  { before }: Extract<ContainerState, { kind: 'starting' }>,
): Promise<void> {
  if (before?.kind === 'restarting') {
    core.table.advance(entry, ['starting'], { state: before });
    return;
  }
  const error = 'the daemon ended while the container was starting';
  const state: ContainerState =
    before === undefined ? { kind: 'created', error, exitCode: 128 } : { ...before, error, exitCode: 128 };
  core.table.advance(entry, ['starting'], { state });
  if (entry.view.config.host.autoRemove) removeInBackground(core, entry);
}
