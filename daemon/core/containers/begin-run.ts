import { failpoint } from '../../../common/failpoints.ts';
import type { Spec } from '../../../runtime/spec.ts';
import type { Exit, Shim } from '../../../shim/contract.ts';
import { cgroupPathOf, killCgroup, removeCgroup } from '../cgroups.ts';
import type { ContainerState, EndpointView } from '../contract.ts';
import type { Core } from '../core.ts';
import type { Ending } from '../process-watch.ts';
import { removeDirectory } from '../remove-directory.ts';
import { formatTime, parseTime, realTimeNs } from '../time.ts';
import { announce, announceNetwork } from './announce.ts';
import { sharesPids } from './namespaces.ts';
import { removeInBackground } from './remove.ts';
import { errorOf } from './state.ts';
import type { Entry, Run } from './table.ts';

/** SIGKILL, as a shell counts it: how a container ends whose shim was killed. */
const LOST_EXIT_CODE = 137;
const NS_PER_S = 1_000_000_000n;

export interface Running {
  readonly shim: Shim;
  /** Undefined after a restart of the daemon. */
  readonly spec: Spec | undefined;
  readonly ended: Promise<Ending>;
}

/**
 * Shows the container as running and looks after its end. Synchronous: nobody sees it running without somebody who waits for
 * its exit. Publishing its network namespace goes on in the background; the promise resolves when that is done.
 */
export function beginRun(core: Core, entry: Entry, { shim, spec, ended }: Running): Promise<void> {
  const startedAt = formatTime(shim.startedAtNs);
  const kind = entry.view.state.kind === 'paused' ? 'paused' : 'running';
  const state: ContainerState = { kind, pid: shim.pid, startedAt };
  core.table.advance(entry, ['starting', 'running', 'paused'], {
    state,
    change: { endpoint: endpointView(core, entry.id) },
  });
  const published = core.background.run(
    'Cannot publish a network namespace',
    { container: entry.id },
    async () => {
      if (entry.view.endpoint !== undefined) await core.networks.publishNetns(entry.id, shim.pid);
    },
  );
  const run: Run = {
    shim,
    spec,
    keep: false,
    killed: false,
    ended: ended.then((ending) => endRun(core, entry, { run, published, ending })),
  };
  entry.run = run;
  // Who attached while it was being launched.
  for (const attachment of entry.pending.splice(0)) shim.attach(attachment);
  return published;
}

export function endpointView(core: Core, id: string): EndpointView | undefined {
  const endpoint = core.networks.endpointOf(id);
  if (endpoint === undefined || endpoint.kind === 'host') return undefined;
  const { networkName, networkId, endpointId } = endpoint;
  const sandboxKey = core.networks.netnsPath(id);
  const none = { gateway: '', ipAddress: '', prefixLength: 0, macAddress: '' };
  const { gateway, ipAddress, prefixLength, macAddress } = endpoint.kind === 'bridge' ? endpoint : none;
  return { networkName, networkId, endpointId, gateway, ipAddress, prefixLength, macAddress, sandboxKey };
}

/** Never throws: nobody would hear it. */
async function endRun(
  core: Core,
  entry: Entry,
  {
    run,
    published,
    ending,
  }: { readonly run: Run; readonly published: Promise<void>; readonly ending: Ending },
): Promise<void> {
  if (ending.kind === 'lost') await endLost(core, entry);
  const exited =
    ending.kind === 'exit' ? exitedAs(ending.exit) : exitedUnseen(entry.view.state, LOST_EXIT_CODE);
  await settleExit(core, entry, { exited, after: published, keep: run.keep });
}

export interface Settled {
  readonly exited: Exited;
  /** What still works on the run's files. */
  readonly after: Promise<void>;
  /** Whatever `--rm` says. */
  readonly keep: boolean;
}

/** Records an exit, wakes who waits for it, and clears away what the run had. Never throws. */
export async function settleExit(core: Core, entry: Entry, { exited, after, keep }: Settled): Promise<void> {
  const recorded = await recordExit(core, entry, exited);
  entry.run = undefined;
  entry.cleared = core.background.run(
    'Cannot clear away after a container',
    { container: entry.id },
    async () => {
      await after;
      await core.networks.unpublishNetns(entry.id);
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
  if (entry.view.config.host.autoRemove && !keep) removeInBackground(core, entry);
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
  const startedAt = state.kind === 'running' || state.kind === 'paused' ? state.startedAt : finishedAt;
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
async function recordExit(core: Core, entry: Entry, state: Exited): Promise<boolean> {
  const change = { endpoint: undefined };
  try {
    await failpoint('container.exit.record');
    core.table.advance(entry, ['starting', 'running', 'paused'], { state, change });
    return true;
  } catch (error) {
    core.ctx.log.error('Cannot write the exit of a container', { container: entry.id, error });
    core.table.publish(entry, { state, ...change });
    return false;
  }
}

async function leaveNetwork(core: Core, entry: Entry): Promise<void> {
  const endpoint = core.networks.endpointOf(entry.id);
  if (endpoint === undefined) return;
  try {
    await core.networks.release(core.ctx, entry.id);
  } catch (error) {
    core.ctx.log.error('Cannot release the address of a container', { container: entry.id, error });
  }
  announceNetwork(core, 'disconnect', endpoint);
}

function announceEnd(core: Core, entry: Entry, { exitCode, oomKilled, startedAt, finishedAt }: Exited): void {
  if (oomKilled) announce(core, entry, { action: 'oom' });
  const seconds = secondsBetween(startedAt, finishedAt);
  announce(core, entry, {
    action: 'die',
    attributes: { exitCode: String(exitCode), execDuration: String(seconds) },
  });
}

const secondsBetween = (from: string, to: string): bigint =>
  ((parseTime(to) ?? 0n) - (parseTime(from) ?? 0n)) / NS_PER_S;
