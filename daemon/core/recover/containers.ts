import { codeOf } from '../../../common/errors.ts';
import { thaw } from '../../../runtime/cgroup/live/freezer.ts';
import type { OverlayDirs } from '../../../image/snapshots.ts';
import type { ContainerStore } from '../../store/containers.ts';
import { beginRun, exitedAs, exitedUnseen, settleExit } from '../containers/begin-run.ts';
import { removeInBackground } from '../containers/remove.ts';
import { detachHooks } from '../containers/sessions.ts';
import type { Entry, Fixed } from '../containers/table.ts';
import { cgroupPathOf, killCgroup } from '../cgroups.ts';
import type { ContainerState } from '../contract.ts';
import type { Core } from '../core.ts';
import { findShim, type FoundShim } from './find-shim.ts';

/** Docker's exit code of a container whose end nobody saw. */
const UNSEEN_EXIT_CODE = 255;
const NO_OVERLAY: OverlayDirs = { lower: [], upper: '', work: '' };

export interface FoundContainer {
  readonly entry: Entry;
  readonly shim: FoundShim;
}

/** Shows every container that has a row, and finds the shims of those that may run. */
export async function findContainers(
  core: Core,
  store: ContainerStore<Fixed, ContainerState>,
): Promise<readonly FoundContainer[]> {
  const entries = store.all().map(({ id, name, container, state }) =>
    core.table.adopt({
      ...container,
      name,
      state,
      overlay: overlayOf(core, id),
      endpoint: undefined,
      execIds: [],
    }),
  );
  return Promise.all(
    entries.map(async (entry): Promise<FoundContainer> => {
      const { kind } = entry.view.state;
      const mayRun = kind === 'starting' || kind === 'running';
      const shim = mayRun
        ? await findShim(core, entry.id, detachHooks(core, entry.id))
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
export async function settleContainer(core: Core, { entry, shim }: FoundContainer): Promise<void> {
  const { state, overlay } = entry.view;
  if (state.kind === 'removing' || state.kind === 'dead' || overlay.upper === '') {
    removeInBackground(core, entry);
    return;
  }
  if (state.kind !== 'starting' && state.kind !== 'running') return;
  const done = { after: Promise.resolve(), keep: false };
  switch (shim.kind) {
    case 'live':
      // A commit that the last daemon did not end has left it frozen.
      await thaw({ layout: core.host.cgroups, path: cgroupPathOf(core, entry.view) });
      await beginRun(core, entry, { ...shim, spec: undefined });
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

/** The start did not come to the point where anything ran. */
async function backToBefore(
  core: Core,
  entry: Entry,
  { before }: Extract<ContainerState, { kind: 'starting' }>,
): Promise<void> {
  const error = 'the daemon ended while the container was starting';
  const state: ContainerState =
    before === undefined ? { kind: 'created', error, exitCode: 128 } : { ...before, error, exitCode: 128 };
  core.table.advance(entry, ['starting'], { state });
  if (entry.view.config.host.autoRemove) removeInBackground(core, entry);
}
