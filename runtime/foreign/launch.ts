import { raiseLoopback } from '../launch.ts';
import { placeMonitor } from '../monitor.ts';
import { joinNetwork } from '../namespaces.ts';
import { PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, CLONE_NEW, O_CLOEXEC, O_RDONLY, SIGCHLD } from '../plan/constants.ts';
import { cloneArgs } from '../plan/structs.ts';
import type { Plan, Slot } from '../plan/types.ts';
import { prepareBinds } from '../rootfs/binds.ts';
import { isolateMounts, mountRoot } from '../rootfs/root.ts';
import { closeSources, prepareSources, type Source } from '../rootfs/sources.ts';
import { mountHostSide } from '../rootfs/volumes.ts';
import { isOwnNetwork } from './bundle-spec.ts';
import { awaitRuntime, becomeRuntime, endWithShim, makeFile, placePipes, readPid } from './command.ts';
import { bundleFiles, type ForeignLaunch } from './contract.ts';
import { placeSources } from './places.ts';
import { listenForTerminal, takeTerminal } from './terminal.ts';

const MS_BIND = 0x1000;

/**
 * The plan of a container that another OCI runtime makes, from the bundle's config.json: `create`, then `start`. Between them its init
 * loses its parent, and the shim, as the nearest subreaper, takes it in: from then on it is a child like any other, and the runtime
 * is gone. Root and mounts exist in the mount namespace of `create` alone, so the host holds none of them. Pure.
 */
export function buildForeignPlan(request: ForeignLaunch): Plan {
  const { id, spec, bundle, monitor } = request;
  const plan = new PlanBuilder();
  request.network?.stay?.(plan);
  prepareBinds(plan, request.bindSources ?? []);
  const sources = prepareSources(plan, spec, request.borrowed);
  plan.call(`enter "${bundle}"`, 'chdir', [bundle]);
  const terminal = monitor.tty ? listenForTerminal(plan) : undefined;
  const creator = plan.fork('fork', cloneArgs(0, SIGCHLD));
  create(plan, request, sources);
  creator.parent();
  closeSources(plan, sources);
  awaitRuntime(plan, creator.pid, CREATE_FAILED);
  const init = readPid(plan);
  if (terminal !== undefined) takeTerminal(plan, terminal);
  const starter = plan.fork('fork', cloneArgs(0, SIGCHLD));
  endWithShim(plan);
  becomeRuntime(plan, request, { directory: bundle, verb: ['start', id] });
  starter.parent();
  awaitRuntime(plan, starter.pid, START_FAILED);
  plan.call('leave the bundle', 'chdir', ['/']);
  plan.end();
  placeMonitor(plan, monitor, init);
  return plan.build();
}

/** Labels of the steps that fail when the runtime did: it said why itself. */
export const CREATE_FAILED = 'have the runtime create the container';
export const START_FAILED = 'have the runtime start the container';

function create(plan: PlanBuilder, request: ForeignLaunch, sources: ReadonlyMap<number, Source>): void {
  const { id, spec, rootfs, stagingDir, bundle, monitor } = request;
  const propagation = spec.linux.rootfsPropagation;
  endWithShim(plan);
  const host = spec.linux.namespaces.some(isOwnNetwork) ? enterNetwork(plan, request) : undefined;
  plan.call('make a mount namespace', 'unshare', [CLONE_NEW.mount]);
  isolateMounts(plan, { propagation, stagingDir });
  if (host !== undefined) leaveNetwork(plan, host, request);
  mountHostSide(plan, request.hostSide ?? []);
  plan.close(mountRoot(plan, rootfs, stagingDir));
  placeSources(plan, request, sources);
  placePipes(plan, monitor);
  const terminal = monitor.tty ? ['--console-socket', bundleFiles.console] : [];
  const verb = ['create', '--pid-file', bundleFiles.pid, ...terminal, id];
  becomeRuntime(plan, request, { directory: bundle, verb });
}

/** Makes the network namespace and what is in it; the slot is the host's. */
function enterNetwork(plan: PlanBuilder, { network }: ForeignLaunch): Slot {
  const host = plan.call(
    "open the host's network namespace",
    'openat',
    [AT_FDCWD, '/proc/self/ns/net', O_RDONLY | O_CLOEXEC, 0],
    { save: true },
  );
  const inside = network?.prepare(plan);
  if (network?.joins === undefined) plan.call('make a network namespace', 'unshare', [CLONE_NEW.network]);
  else joinNetwork(plan, network.joins);
  if (inside === undefined) raiseLoopback(plan);
  else inside(plan);
  return host;
}

/**
 * Back to the host's: a runtime that is in the container's itself takes it for the host's, and refuses sysctls. What it is told to join
 * is a file of the bundle, as for Kubernetes' pods.
 */
function leaveNetwork(plan: PlanBuilder, host: Slot, { bundle }: ForeignLaunch): void {
  const path = `${bundle}/${bundleFiles.network}`;
  makeFile(plan, path);
  plan.call(`bind the network namespace at "${path}"`, 'mount', ['/proc/self/ns/net', path, '', MS_BIND, 0]);
  plan.call("go back to the host's network namespace", 'setns', [host, CLONE_NEW.network]);
  plan.close(host);
}
