import { failpoint } from '../../../common/failpoints.ts';
import type { ForeignRuntime } from '../../../runtime/foreign/contract.ts';
import type { Spec } from '../../../runtime/spec.ts';
import type { Exit, Shim } from '../../../shim/contract.ts';
import { cgroupPathOf, killCgroup, removeCgroup } from '../cgroups.ts';
import type { Container, ContainerState } from '../contract.ts';
import type { Core } from '../core.ts';
import type { Ending } from '../process-watch.ts';
import { afterExit } from '../restarts/after-exit.ts';
import { pauseOf } from '../restarts/pause.ts';
import { removeRecord, writeRecord } from '../runtimes/record.ts';
import { deleteFromRuntime } from '../runtimes/delete.ts';
import { removeDirectory } from '../remove-directory.ts';
import { formatTime, parseTime, realTimeNs } from '../time.ts';
import { unmountVolumes } from '../volumes/mounting.ts';
import { announce, announceNetwork } from './announce.ts';
import { sharesPids } from './namespaces.ts';
import { removeInBackground } from './remove.ts';
import { errorOf } from './state.ts';
import type { Entry, Run } from './table.ts';
import { tellEnded } from '../tasks/docker-events.ts';

/** SIGKILL, as a shell counts it: how a container ends whose shim was killed. */
const LOST_EXIT_CODE = 137;
const NS_PER_S = 1_000_000_000n;

export interface Running {
  readonly shim: Shim;
  /** Undefined after a restart of the daemon. */
  readonly spec: Spec | undefined;
  readonly runtime: ForeignRuntime | undefined;
  readonly ended: Promise<Ending>;
}

/**
 * Shows the container as running and looks after its end. Synchronous: nobody sees it running without somebody who waits for
 * its exit. Publishing its network namespace goes on in the background; the promise resolves when that is done.
 */
export function beginRun(core: Core, entry: Entry, { shim, spec, runtime, ended }: Running): Promise<void> {
  const startedAt = formatTime(shim.startedAtNs);
  const kind = entry.view.state.kind === 'paused' ? 'paused' : 'running';
  const state: ContainerState = { kind, pid: shim.pid, startedAt, ...lastFinish(entry.view.state) };
  // An edit that owed this start owes nothing any more.
  const { edit: _edit, ...restarts } = entry.view.restarts;
  core.table.advance(entry, ['starting', 'running', 'paused'], {
    state,
    change: {
      ...sandboxView(core, entry.id),
      restarts: { ...restarts, started: true },
    },
  });
  const published = core.background.run(
    'Cannot publish a network namespace',
    { container: entry.id },
    async () => {
      if (entry.view.sandboxKey !== '') await core.networks.publishNetns(entry.id, shim.pid);
    },
  );
  // No start waits for it.
  const after = published.then(async () => recordRun(core, entry, { shim, spec, runtime }));
  const run: Run = {
    shim,
    spec,
    runtime,
    keep: false,
    killed: false,
    stopped: false,
    ended: ended.then((ending) => endRun(core, entry, { run, after, ending })),
  };
  entry.run = run;
  core.health.begin(entry);
  core.forwarders.begin(entry);
  void core.dns.serve({ id: entry.id, pid: shim.pid });
  // Who attached while it was being launched.
  for (const attachment of entry.pending.splice(0)) shim.attach(attachment);
  return published;
}

/** For our own runtime's command line; one that an earlier daemon started has it already. */
const recordRun = (core: Core, { id, view }: Entry, run: Omit<Running, 'ended'>): Promise<void> =>
  core.background.run(
    'Cannot write the state of a container for its runtime',
    { container: id },
    async () => {
      const { shim, spec, runtime } = run;
      if (spec !== undefined && runtime === undefined) await writeRecord(core, view, { pid: shim.pid, spec });
    },
  );

/** Docker shows the end of the run before, for as long as there is no other. */
function lastFinish(state: ContainerState): { readonly lastFinishedAt?: string } {
  if (state.kind === 'starting' && state.before !== undefined)
    return { lastFinishedAt: state.before.finishedAt };
  return 'lastFinishedAt' in state ? { lastFinishedAt: state.lastFinishedAt } : {};
}

/** What the container shows of its network while it runs. */
export function sandboxView(core: Core, id: string): Pick<Container, 'sandbox' | 'sandboxKey' | 'ports'> {
  const sandbox = core.networks.sandboxOf(id);
  const isOwn = sandbox?.kind === 'own' || sandbox?.kind === 'none';
  return { sandbox, sandboxKey: isOwn ? core.networks.netnsPath(id) : '', ports: core.ports.of(id) };
}

/** Never throws: nobody would hear it. */
async function endRun(
  core: Core,
  entry: Entry,
  { run, after, ending }: { readonly run: Run; readonly after: Promise<void>; readonly ending: Ending },
): Promise<void> {
  if (ending.kind === 'lost') await endLost(core, entry);
  const exited =
    ending.kind === 'exit' ? exitedAs(ending.exit) : exitedUnseen(entry.view.state, LOST_EXIT_CODE);
  const again = (): boolean => !run.keep && !run.stopped;
  await settleExit(core, entry, { exited, after, keep: run.keep, again });
}

export interface Settled {
  readonly exited: Exited;
  /** What still works on the run's files. */
  readonly after: Promise<void>;
  /** Whatever `--rm` says. */
  readonly keep: boolean;
  /** Whether its restart policy applies; asked for when the exit is written. */
  readonly again: () => boolean;
}

/** Records an exit, wakes who waits for it, and clears away what the run had. Never throws. */
export async function settleExit(core: Core, entry: Entry, settled: Settled): Promise<void> {
  const { exited, after, keep } = settled;
  const { pid = 0 } = entry.run?.shim ?? {};
  const recorded = await recordExit(core, entry, settled);
  entry.run = undefined;
  core.dns.release(entry.id);
  void core.health.rest(entry);
  entry.cleared = core.background.run(
    'Cannot clear away after a container',
    { container: entry.id },
    async () => {
      await after;
      await core.networks.unpublishNetns(entry.id);
      await removeRecord(core, entry.id);
      await unmountVolumes(core, entry.view);
      await deleteFromRuntime(core, entry.view);
      // Without a pid namespace of its own the kernel ends nothing with the first process.
      if (sharesPids(entry.view)) await killCgroup(core.host.cgroups, cgroupPathOf(core, entry.view));
      await removeCgroup(core.host.cgroups, cgroupPathOf(core, entry.view));
      // The shim's record of the exit is the last thing to go, and only when our own is written.
      if (recorded) await removeDirectory(core.paths.shim(entry.id));
    },
  );
  entry.waiters.exited({ exitCode: exited.exitCode, error: errorOf(exited) });
  core.execTable.dropUnstarted(entry.id);
  core.table.publish(entry, { execIds: core.execTable.liveOf(entry.id) });
  await leaveNetwork(core, entry);
  announceEnd(core, entry, exited);
  tellEnded(core, { id: entry.id, pid, exited });
  const { state, config } = entry.view;
  if (state.kind === 'restarting') core.restartTimers.set(entry.id, pauseOf(state));
  else if (config.host.autoRemove && !keep) removeInBackground(core, entry);
}

export type Exited = Extract<ContainerState, { readonly kind: 'exited' }>;

/** Its shim was killed: whatever still runs has nobody who would see its end. */
async function endLost(core: Core, entry: Entry): Promise<void> {
  core.ctx.log.error('The shim of a container is gone: the container is killed', { container: entry.id });
  try {
    await killCgroup(core.host.cgroups, cgroupPathOf(core, entry.view));
  } catch (error) {
    core.ctx.log.error('Cannot kill what a lost shim left', { container: entry.id, error });
  }
}

/** The exit of a process that nobody saw. */
export function exitedUnseen(state: ContainerState, exitCode: number): Exited {
  const finishedAt = formatTime(realTimeNs());
  const startedAt = 'startedAt' in state ? state.startedAt : finishedAt;
  return { kind: 'exited', exitCode, error: '', oomKilled: false, startedAt, finishedAt };
}

export function exitedAs(exit: Exit): Exited {
  return {
    kind: 'exited',
    exitCode: exit.code,
    error: '',
    oomKilled: exit.oomKilled,
    startedAt: formatTime(exit.startedAtNs),
    finishedAt: formatTime(exit.finishedAtNs),
  };
}

/** Whether it is written. */
async function recordExit(core: Core, entry: Entry, { exited, again }: Settled): Promise<boolean> {
  const failure = await failpoint('container.exit.record').catch((error: unknown) => ({ error }));
  // From here on nothing waits: a client's stop comes before, or finds it waiting.
  const { restarts } = entry.view;
  const next = again() ? afterExit(entry.view, exited) : { state: exited, restarts };
  const change = { sandbox: undefined, sandboxKey: '', ports: [], restarts: next.restarts };
  try {
    if (failure !== undefined) throw failure.error;
    core.table.advance(entry, ['starting', 'running', 'paused'], { state: next.state, change });
    return true;
  } catch (error) {
    core.ctx.log.error('Cannot write the exit of a container', { container: entry.id, error });
    core.table.publish(entry, { state: next.state, ...change });
    return false;
  }
}

async function leaveNetwork(core: Core, entry: Entry): Promise<void> {
  const sandbox = core.networks.sandboxOf(entry.id);
  if (sandbox === undefined) return;
  // Of an edit: the next reserve gives it its addresses again, without anybody else in between.
  const { state, restarts } = entry.view;
  const hasPlugin = sandbox.endpoints.some(({ driver }) => driver === 'cni');
  const isBack = state.kind === 'restarting' && restarts.edit !== undefined && !hasPlugin;
  try {
    await core.ports.withdraw(core.ctx, entry.id);
    if (!isBack) await core.networks.release(core.ctx, entry.id);
  } catch (error) {
    core.ctx.log.error('Cannot release the address of a container', { container: entry.id, error });
  }
  for (const endpoint of sandbox.endpoints) announceNetwork(core, 'disconnect', endpoint);
}

function announceEnd(core: Core, entry: Entry, { exitCode, oomKilled, startedAt, finishedAt }: Exited): void {
  if (oomKilled) announce(core, entry, { action: 'oom' });
  const seconds = secondsBetween(startedAt, finishedAt);
  announce(core, entry, {
    action: 'die',
    attributes: { exitCode: String(exitCode), execDuration: String(seconds) },
  });
  // The next daemon finds it ended, and tells nobody.
  core.events.settle();
}

const secondsBetween = (from: string, to: string): bigint =>
  ((parseTime(to) ?? 0n) - (parseTime(from) ?? 0n)) / NS_PER_S;
