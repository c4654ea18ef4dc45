import { constants } from 'node:os';
import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, internal } from '../../../common/errors.ts';
import { secondsSince } from '../../../common/notes.ts';
import type { Core } from '../core.ts';
import { giveUpRestart, noteStop, startSettled } from '../restarts/give-up.ts';
import { parseSignal } from '../signals.ts';
import { within } from '../within.ts';
import { announce } from './announce.ts';
import { thawEntry } from './freeze.ts';
import { isRestarting, runOf } from './state.ts';
import type { Entry, Run } from './table.ts';
import { goOn } from './unpause.ts';

/** How long a killed process may take to be gone; one that hangs in the kernel takes longer. */
const KILL_TIMEOUT_MS = 10_000;
/** A shim answers in microseconds; on a saturated machine it may wait for its turn. */
const SIGNAL_TIMEOUT_MS = 10_000;

/** Containers.kill: SIGKILL waits for the end, as docker does; other signals are only sent. */
export async function kill(
  core: Core,
  ctx: Ctx,
  { reference, signal }: { readonly reference: string; readonly signal: string },
): Promise<void> {
  const number = parseSignal(signal === '' ? 'KILL' : signal);
  const entry = core.table.find(reference);
  await startSettled(core, ctx, entry);
  const ends = wakes(entry, number);
  if (entry.run === undefined && isRestarting(entry.view.state)) {
    noteStop(core, entry);
    if (ends) giveUpRestart(core, entry);
    return;
  }
  const run = runOf(entry);
  // Docker: every signal counts as a stop by hand, and most end the policy.
  noteStop(core, entry);
  if (ends) run.stopped = true;
  if (number === constants.signals.SIGKILL) await killRun(core, ctx, { entry, run });
  else await sendSignal(core, ctx, { entry, run, signal: number });
}

/** Nothing if it does not run; it is not started again. */
export async function killAndWait(core: Core, ctx: Ctx, entry: Entry): Promise<void> {
  giveUpRestart(core, entry);
  const { run } = entry;
  if (run === undefined) return;
  run.stopped = true;
  await killRun(core, ctx, { entry, run });
  giveUpRestart(core, entry);
}

/** Kills this run, not the next one, and waits until its exit is recorded. Throws `internal` when it does not end. */
export async function killRun(
  core: Core,
  ctx: Ctx,
  { entry, run }: { readonly entry: Entry; readonly run: Run },
): Promise<void> {
  run.killed = true;
  const killedAt = performance.now();
  await sendSignal(core, ctx, { entry, run, signal: constants.signals.SIGKILL });
  // A frozen process does not die on version 1: whoever froze it, a commit for instance.
  await thawEntry(core, entry);
  using _waits = ctx.waitsFor(
    () => `process ${run.shim.pid} to end (SIGKILL sent ${secondsSince(killedAt)} ago)`,
  );
  if (!(await within(KILL_TIMEOUT_MS, run.ended))) {
    throw internal('tried to kill container, but did not receive an exit event');
  }
}

/** Sends a signal to the container's first process, through its shim: never to a stranger. One that has ended is no error. */
export async function sendSignal(
  core: Core,
  ctx: Ctx,
  { entry, run, signal }: { readonly entry: Entry; readonly run: Run; readonly signal: number },
): Promise<void> {
  try {
    await run.shim.signal(ctx.detached(SIGNAL_TIMEOUT_MS), signal);
  } catch (error) {
    if (codeOf(error) !== 'not-found') throw error;
  }
  announce(core, entry, { action: 'kill', attributes: { signal: String(signal) } });
  if (wakes(entry, signal)) await goOn(core, entry);
}

/** Docker: a paused container goes on for SIGKILL, and for its own stop signal; for any signal when it has none of its own. */
function wakes({ view }: Entry, signal: number): boolean {
  const { stopSignal } = view.config;
  return (
    signal === constants.signals.SIGKILL || stopSignal === undefined || parseSignal(stopSignal) === signal
  );
}
