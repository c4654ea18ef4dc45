import { writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Undo } from '../../../common/undo.ts';
import { buildLaunchPlan } from '../../../runtime/launch.ts';
import type { LaunchRequest, MonitorConfig } from '../../../runtime/contract.ts';
import type { Spec } from '../../../runtime/spec.ts';
import type { Attachment, Shim } from '../../../shim/contract.ts';
import { oomFileOf, removeCgroup } from '../cgroups.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import type { Endpoint } from '../networks/contract.ts';
import { watchProcess, type Ending } from '../process-watch.ts';
import { prepareBinds } from '../spec/binds.ts';
import { findFacts } from '../spec/find-facts.ts';
import { logConfigOf } from '../spec/log-config.ts';
import { makeSpec } from '../spec/make-spec.ts';
import { LaunchFailure } from './start-failure.ts';
import { detachHooks } from './sessions.ts';

/** A mount may hang on a dead server; longer than that nobody waits. */
const LAUNCH_TIMEOUT_MS = 120_000;
/** How long output is read that a surviving descendant keeps open; docker's patience. */
export const DRAIN_MS = 2_000;

export interface Launched {
  readonly shim: Shim;
  readonly spec: Spec;
  readonly ended: Promise<Ending>;
}

export interface LaunchOptions {
  readonly view: Container;
  readonly endpoint: Endpoint;
  readonly attach: readonly Attachment[];
  /** It never ran: nothing of an earlier run is in the way. */
  readonly fresh: boolean;
  /** Gets what has to be undone if a later step fails. */
  readonly undo: Undo;
}

/** Writes the files, makes the plan, starts the shim. Its directory exists. Throws LaunchFailure for what the plan met. */
export async function launch(core: Core, ctx: Ctx, options: LaunchOptions): Promise<Launched> {
  const { view, endpoint, fresh, undo } = options;
  const { host } = view.config;
  const [facts] = await Promise.all([
    findFacts(core, view),
    writeNameFiles(core, ctx, { view, endpoint }),
    prepareBinds(host.binds),
    host.autoRemove && !fresh ? core.snapshots.clearVolatile(view.id) : undefined,
  ]);
  const spec = makeSpec(view, facts);
  const plan = buildLaunchPlan(launchRequest(core, { view, endpoint, spec }));
  undo.defer(() =>
    core.background.run('Cannot remove the cgroup of a failed start', { container: view.id }, () =>
      removeCgroup(core.host.cgroups, facts.cgroupsPath),
    ),
  );
  await failpoint('container.start.launch');
  const { hooks, ended } = watchProcess(detachHooks(core, view.id));
  const { id } = view;
  const directory = core.paths.shim(id);
  try {
    const shim = await core.launcher.launch(ctx.within(LAUNCH_TIMEOUT_MS), {
      id,
      directory,
      plan,
      attach: options.attach,
      hooks,
    });
    undo.defer(() => endProcess(ctx, shim, ended));
    return { shim, spec, ended };
  } catch (error) {
    throw new LaunchFailure(error);
  }
}

async function endProcess(ctx: Ctx, shim: Shim, ended: Promise<Ending>): Promise<void> {
  await shim.signal(ctx.detached(), constants.signals.SIGKILL);
  await ended;
}

interface Prepared {
  readonly view: Container;
  readonly endpoint: Endpoint;
  readonly spec: Spec;
}

function launchRequest(core: Core, { view, endpoint, spec }: Prepared): LaunchRequest {
  const { id, overlay, config } = view;
  return {
    id,
    spec,
    // What removes itself at its end never has to survive a power cut.
    rootfs: { kind: 'overlay', ...overlay, volatile: config.host.autoRemove },
    stagingDir: core.paths.staging,
    network: core.networks.steps(endpoint),
    monitor: monitorOf(core, view, spec.linux.cgroupsPath ?? ''),
    seccomp: core.seccompFor(config.host),
    cgroups: core.host.cgroups,
  };
}

function monitorOf(core: Core, view: Container, cgroupsPath: string): MonitorConfig {
  const { id, config } = view;
  return {
    id,
    directory: core.paths.shim(id),
    tty: config.tty,
    consoleSize: config.consoleSize,
    stdin: config.openStdin ? (config.stdinOnce ? 'once' : 'open') : 'none',
    log: logConfigOf(view),
    drainMs: DRAIN_MS,
    oomFile: oomFileOf(core.host.cgroups, cgroupsPath),
  };
}

async function writeNameFiles(
  core: Core,
  ctx: Ctx,
  { view, endpoint }: { readonly view: Container; readonly endpoint: Endpoint },
): Promise<void> {
  const { hostname, domainname, host } = view.config;
  const { extraHosts, dns, dnsSearch, dnsOptions } = host;
  const files = await core.networks.files(ctx, {
    endpoint,
    hostname,
    domainname,
    extraHosts,
    dns,
    dnsSearch,
    dnsOptions,
  });
  await Promise.all([
    writeFile(view.hostsPath, files.hosts),
    writeFile(view.hostnamePath, files.hostname),
    writeFile(view.resolvConfPath, files.resolvConf),
  ]);
}
