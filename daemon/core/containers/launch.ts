import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, messageOf } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Undo } from '../../../common/undo.ts';
import { buildLaunchPlan } from '../../../runtime/launch.ts';
import type { LaunchRequest, MonitorConfig, ShimKeeper } from '../../../runtime/contract.ts';
import type { ForeignRuntime, ForeignSpec } from '../../../runtime/foreign/contract.ts';
import { buildForeignPlan } from '../../../runtime/foreign/launch.ts';
import type { Plan } from '../../../runtime/plan/types.ts';
import type { HostSideMount } from '../../../runtime/rootfs/volumes.ts';
import type { Spec } from '../../../runtime/spec.ts';
import type { Attachment, Shim } from '../../../shim/contract.ts';
import { oomFileOf } from '../../../runtime/cgroup/live/oom.ts';
import { cgroupPathOf, removeCgroup } from '../cgroups.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import type { Sandbox } from '../networks/types.ts';
import { removeDirectory } from '../remove-directory.ts';
import { bundleOf, foreignContainer, writeBundle } from '../runtimes/bundle.ts';
import { findRuntime, runtimeOf } from '../runtimes/choose.ts';
import { deleteFromRuntime } from '../runtimes/delete.ts';
import { runtimeFailure } from '../runtimes/failure.ts';
import { watchProcess, type Ending } from '../process-watch.ts';
import { findFacts } from '../spec/find-facts.ts';
import { provideInit, usesInit } from '../spec/init.ts';
import { logConfigOf } from '../spec/log-config.ts';
import { makeSpec } from '../spec/make-spec.ts';
import { borrowedMounts } from '../spec/mounts.ts';
import { seccompProfileOf } from '../spec/seccomp.ts';
import { together } from '../together.ts';
import { openHostSide } from '../volumes/host-loops.ts';
import { loopsOf, mountVolumes, unmountVolumes, type Mounted } from '../volumes/mounting.ts';
import { clearLater } from './clear-later.ts';
import { networkDonor } from './join-networks.ts';
import { withLinks } from './links.ts';
import { findDonors } from './namespaces.ts';
import { writeNameFiles } from './name-files.ts';
import { LaunchFailure } from './start-failure.ts';
import { detachHooks } from './sessions.ts';

/** How long output is read that a surviving descendant keeps open; docker's patience. */
export const DRAIN_MS = 2_000;

export interface Launched {
  readonly shim: Shim;
  readonly spec: Spec;
  readonly runtime: ForeignRuntime | undefined;
  readonly ended: Promise<Ending>;
}

export interface LaunchOptions {
  readonly view: Container;
  readonly sandbox: Sandbox;
  /** Hands over who attached before the start, as late as possible. */
  readonly takePending: () => readonly Attachment[];
  /** It never ran: nothing of an earlier run is in the way. */
  readonly fresh: boolean;
  /** Gets what has to be undone if a later step fails. */
  readonly undo: Undo;
}

/** Writes the files and makes the plan, side by side, then starts the shim. Throws LaunchFailure for what the plan met. */
export async function launch(core: Core, ctx: Ctx, options: LaunchOptions): Promise<Launched> {
  const { sandbox, fresh, undo } = options;
  const { id, config } = options.view;
  if (options.view.mounts.length > 0) {
    undo.defer(() => unmountVolumes(core, options.view));
  }
  const mounted = await mountVolumes(core, ctx, { view: options.view });
  const view = { ...options.view, mounts: mounted.points };
  await using loops = await openHostSide(core, ctx, loopsOf(view, mounted));
  const hostSide = [...loops.hostSide, ...mounted.hostSide];
  const chosen = await chooseRuntime(core, view);
  const [{ spec, plan, bundled, runtime }] = await together([
    makePlan(core, { view, sandbox, mounted: { ...mounted, hostSide }, chosen }),
    writeNameFiles(core, ctx, { view, sandbox }),
    makeShimDirectory(core.paths.shim(id)),
    provideInit(core, view),
    config.host.autoRemove && !fresh ? core.snapshots.clearVolatile(id) : undefined,
  ]);
  // What can't be undone is logged, and does not hide why the start failed.
  const defer = (what: string, step: () => Promise<unknown>): void =>
    undo.defer(() => core.background.run(what, { container: id }, step));
  defer('Cannot remove the cgroup of a failed start', () =>
    removeCgroup(core.host.cgroups, cgroupPathOf(core, view)),
  );
  if (runtime !== undefined) {
    defer('Cannot delete a container from its runtime', () => deleteFromRuntime(core, view));
    await writeBundle(runtime, bundled);
  }
  await failpoint('container.start.launch');
  const { hooks, ended } = watchProcess(detachHooks(core, id));
  const directory = core.paths.shim(id);
  const attach = options.takePending();
  try {
    const within = ctx.within(core.config.launchTimeoutMs);
    const shim = await core.launcher.launch(within, { id, directory, plan, attach, hooks });
    defer('Cannot end the process of a failed start', () => endProcess(ctx, shim, ended));
    return { shim, spec, runtime, ended };
  } catch (error) {
    for (const { socket } of attach) socket.destroy();
    if (codeOf(error) === 'deadline-exceeded') clearLater(core, view);
    if (isAboutBinds(error)) throw error;
    throw runtime === undefined ? new LaunchFailure(error) : await runtimeFailure(error, bundled.bundle);
  }
}

/** What docker says before it asks its runtime for anything. */
const isAboutBinds = (error: unknown): boolean =>
  /^(invalid mount config|error while (creating mount source path|mounting volume)|cannot access path)/.test(
    messageOf(error),
  );

/** Undefined: our own, by a plan of the shim's unless there are hooks. One that can't be found fails as a launch does. */
async function chooseRuntime(core: Core, view: Container): Promise<ForeignRuntime | undefined> {
  const chosen = runtimeOf(core, view);
  if (chosen === undefined) return undefined;
  try {
    return await findRuntime(chosen);
  } catch (error) {
    throw await runtimeFailure(error, bundleOf(core.paths, view.id));
  }
}

interface ToPlan extends Omit<Prepared, 'spec'> {
  readonly mounted: Omit<Mounted, 'hostSide'> & { readonly hostSide: readonly HostSideMount[] };
  readonly chosen: ForeignRuntime | undefined;
}

interface Planned extends Pick<Launched, 'spec' | 'runtime'> {
  readonly plan: Plan;
  readonly bundled: ForeignSpec;
}

async function makePlan(core: Core, { view, sandbox, mounted, chosen }: ToPlan): Promise<Planned> {
  const donors = { ...findDonors(core, view), network: networkDonor(core, sandbox) };
  const spec = makeSpec(withLinks(core, view), await findFacts(core, view, donors));
  // A shim calls no hooks: with some, our own runtime is one like any other.
  const runtime = chosen ?? (spec.hooks === undefined ? undefined : core.ownRuntime);
  const borrowed = [...borrowedMounts(spec.mounts, donors.ipc), ...mounted.borrowed];
  const request = launchRequest(core, { view, sandbox, spec });
  const { hostSide } = mounted;
  const bundled = {
    ...{ spec, borrowed, stagingDir: core.paths.staging, bundle: bundleOf(core.paths, view.id) },
    seccomp: runtime && seccompProfileOf(view.config.host, core.config.seccompProfile),
  };
  if (runtime === undefined)
    return { spec, bundled, runtime, plan: buildLaunchPlan({ ...request, borrowed, hostSide }) };
  const { monitor } = request.keeper;
  const container = foreignContainer(core.paths, view.id, runtime);
  const plan = buildForeignPlan({ ...request, ...container, borrowed, hostSide, monitor });
  return { spec, bundled, runtime, plan };
}

/** One is there only if the last exit could not be recorded. */
async function makeShimDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await removeDirectory(path);
    await mkdir(path, { mode: 0o700 });
  }
}

async function endProcess(ctx: Ctx, shim: Shim, ended: Promise<Ending>): Promise<void> {
  try {
    await shim.signal(ctx.detached(), constants.signals.SIGKILL);
  } catch (error) {
    if (codeOf(error) !== 'not-found') throw error;
  }
  await ended;
}

interface Prepared {
  readonly view: Container;
  readonly sandbox: Sandbox;
  readonly spec: Spec;
}

function launchRequest(
  core: Core,
  { view, sandbox, spec }: Prepared,
): LaunchRequest & { readonly keeper: ShimKeeper } {
  const { id, overlay, config } = view;
  return {
    id,
    spec,
    rootfs: { kind: 'overlay', ...overlay, volatile: isVolatile(view) },
    stagingDir: core.paths.staging,
    network: core.networks.steps(sandbox),
    bindSources: view.mounts
      .filter(({ type }) => type === 'bind')
      .map(({ source, createSource }) => ({ path: source, make: createSource })),
    keeper: { kind: 'shim', monitor: monitorOf(core, view, spec.linux.cgroupsPath ?? '') },
    holdsSignals: usesInit(core, config),
    seccomp: core.seccompFor(config.host),
    cgroups: core.host.cgroups,
  };
}

/** What removes itself at its end never has to survive a power cut. A loop file's own file system is written to its end in any case. */
const isVolatile = ({ config, overlay }: Container): boolean =>
  config.host.autoRemove && overlay.loop === undefined;

function monitorOf(core: Core, view: Container, cgroupsPath: string): MonitorConfig {
  const { id, config } = view;
  return {
    id,
    directory: core.paths.shim(id),
    tty: config.tty,
    consoleSize: config.consoleSize,
    stdin: config.openStdin ? (config.stdinOnce ? 'once' : 'open') : 'none',
    log: logConfigOf({ ...view, logFile: core.paths.log(id) }),
    drainMs: DRAIN_MS,
    oomFile: oomFileOf(core.host.cgroups, cgroupsPath),
  };
}
