import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, messageOf, WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { startHeld } from '../containers/start.ts';
import { endProcess } from '../containers/stop.ts';
import type { Entry } from '../containers/table.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import type { EditInProgress } from '../restarts/contract.ts';
import { fillVolumesOf, makeVolumesFor } from '../volumes/prepare.ts';
import { endEdit } from './end-edit.ts';
import type { SettledEdit } from './settle.ts';

/**
 * A new start on the same layer, by the same id. What has to come back is written before anything is stopped: the exit is recorded as
 * one that is started again, so that the next daemon starts what this one has not, with the row that is there by then. A container
 * that does not start as it is wanted gets its old row back.
 */
export async function recreate(
  core: Core,
  ctx: Ctx,
  { entry, settled }: { readonly entry: Entry; readonly settled: SettledEdit },
): Promise<void> {
  const { config, mounts, state } = entry.view;
  const progress: EditInProgress = {
    again: state.kind === 'running',
    places: placesOf(entry.view),
    volumes: settled.made.map(({ name }) => name),
  };
  core.table.record(entry, { ...entry.view.restarts, edit: progress });
  try {
    await failpoint('container.edit.begun');
    await makeVolumesFor(core, ctx, settled.made);
    await fillVolumesOf(core, ctx, settled.view);
    await failpoint('container.edit.volumes');
    await endOldRun(core, ctx, entry);
    await failpoint('container.edit.stopped');
    core.table.reconfigure(entry, settled.view.config, settled.view.mounts);
    await failpoint('container.edit.row');
    await startOwed(core, ctx, entry);
  } catch (error) {
    core.table.reconfigure(entry, config, mounts);
    await bringBack(core, entry, error);
    throw error;
  } finally {
    await endEdit(core, entry, progress);
  }
}

/** Addresses that it had come back; the MAC addresses follow from them. */
const placesOf = ({ sandbox }: Container): EditInProgress['places'] =>
  Object.fromEntries(
    (sandbox?.endpoints ?? []).map(({ networkName, ipAddress, ipv6Address }) => [
      networkName,
      { ipv4Address: ipAddress, ipv6Address },
    ]),
  );

/** It waits for its next start afterwards, unless a client stops it meanwhile. */
async function endOldRun(core: Core, ctx: Ctx, entry: Entry): Promise<void> {
  const { run } = entry;
  if (run === undefined) return;
  await endProcess(core, ctx, { entry, run, options: { signal: undefined, timeoutS: undefined } });
  await entry.cleared;
}

/** Only if it ran, and nobody has stopped it since. */
async function startOwed(core: Core, ctx: Ctx, entry: Entry): Promise<void> {
  const { state, restarts } = entry.view;
  if (restarts.edit?.again !== true || state.kind !== 'restarting') return;
  core.restartTimers.cancel(entry.id);
  await startHeld(core, ctx, entry);
}

/** The old one, if it ran and does not any more. */
async function bringBack(core: Core, entry: Entry, cause: unknown): Promise<void> {
  const { state, restarts } = entry.view;
  const isOwed = restarts.edit?.again === true && entry.run === undefined;
  // Without an error it was stopped by a client.
  if (!isOwed || (state.kind === 'exited' && state.error === '')) return;
  core.restartTimers.cancel(entry.id);
  try {
    await startHeld(core, core.ctx.detached(), entry);
  } catch (error) {
    throw new WherryError(
      codeOf(cause),
      `${messageOf(cause)}; and as it was, it does not start any more either: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
