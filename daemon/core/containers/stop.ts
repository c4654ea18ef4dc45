import type { Ctx } from '../../../common/ctx.ts';
import { WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { secondsSince } from '../../../common/notes.ts';
import type { Core } from '../core.ts';
import { giveUpRestart, noteStop, startSettled } from '../restarts/give-up.ts';
import { parseSignal, signalName } from '../signals.ts';
import { within } from '../within.ts';
import { announce } from './announce.ts';
import { killRun, sendSignal } from './kill.ts';
import type { Entry, Run } from './table.ts';

export interface StopOptions {
  readonly signal: string | undefined;
  readonly timeoutS: number | undefined;
}

/** Containers.stop. A client that leaves does not stop the stop. */
export async function stop(
  core: Core,
  ctx: Ctx,
  { reference, options }: { readonly reference: string; readonly options: StopOptions },
): Promise<void> {
  const entry = core.table.find(reference);
  await startSettled(core, ctx, entry);
  if (entry.run === undefined && entry.view.state.kind !== 'restarting')
    throw new WherryError('not-modified', 'container is already stopped');
  await stopEntry(core, ctx, { entry, options });
}

/** Nothing if it does not run. Resolves when the exit is recorded; its policy does not start it again. */
export async function stopEntry(
  core: Core,
  ctx: Ctx,
  { entry, options }: { readonly entry: Entry; readonly options: StopOptions },
): Promise<void> {
  if (giveUpRestart(core, entry)) {
    announce(core, entry, { action: 'stop' });
    return;
  }
  const { run } = entry;
  if (run === undefined) return;
  noteStop(core, entry);
  await endRun(core, ctx, { entry, run, options });
  // The exit was written just before it was told not to start again.
  giveUpRestart(core, entry);
  announce(core, entry, { action: 'stop' });
}

/** Stops this run, and its policy with it. */
export async function endRun(
  core: Core,
  ctx: Ctx,
  { entry, run, options }: { readonly entry: Entry; readonly run: Run; readonly options: StopOptions },
): Promise<void> {
  run.stopped = true;
  await endProcess(core, ctx, { entry, run, options });
}

/** The same, and its policy, or an edit, may start it again. */
export async function endProcess(
  core: Core,
  ctx: Ctx,
  { entry, run, options }: { readonly entry: Entry; readonly run: Run; readonly options: StopOptions },
): Promise<void> {
  const { config } = entry.view;
  const signal = parseSignal(options.signal ?? config.stopSignal ?? 'SIGTERM');
  const timeoutS = options.timeoutS ?? config.stopTimeoutS ?? core.config.stopTimeoutS;
  await sendSignal(core, ctx, { entry, run, signal });
  await failpoint('container.stop.signalled');
  if (!(await endsInTime(ctx, { run, signal, timeoutS }))) {
    ctx.log.info('A container did not end in time and is killed', { container: entry.id, timeoutS, signal });
    await killRun(core, ctx, { entry, run });
  }
}

function endsInTime(
  ctx: Ctx,
  { run, signal, timeoutS }: { readonly run: Run; readonly signal: number; readonly timeoutS: number },
): Promise<boolean> {
  const sentAt = performance.now();
  const limit = timeoutS < 0 ? '' : `, SIGKILL after ${timeoutS} s`;
  const waits = ctx.waitsFor(
    () => `process ${run.shim.pid} to end (${signalName(signal)} sent ${secondsSince(sentAt)} ago${limit})`,
  );
  return within(timeoutS * 1000, run.ended).finally(() => waits[Symbol.dispose]());
}
