import { joinCgroups } from './cgroup/create.ts';
import { checkCgroupsPath } from './cgroup/path.ts';
import type { BuildExecPlan, ExecRequest } from './contract.ts';
import { forkInto } from './fork.ts';
import { handOverTo, readySteps, tellForked } from './keeper.ts';
import { placeMonitor } from './monitor.ts';
import { namespaceFlags, namespacesOf } from './namespaces.ts';
import { becomeRootInside } from './user-namespace.ts';
import { PlanBuilder } from './plan/builder.ts';
import {
  AT_FDCWD,
  CLONE_NEW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_RDWR,
  PR_SET_DUMPABLE,
} from './plan/constants.ts';
import { openIn } from './plan/paths.ts';
import { openProcSelf } from './plan/proc.ts';
import type { Slot } from './plan/types.ts';
import { setInitialAffinity } from './process/affinity.ts';
import { becomeProcess } from './process/become.ts';
import { cwdLabel } from './process/cwd.ts';
import { adjustOomScore } from './process/labels.ts';
import { raiseRlimits } from './process/rlimits.ts';
import { makeTerminal, openPtmxIn } from './process/terminal.ts';

/**
 * The plan of a further process in a running container. The shim enters the pid namespace for its child alone; the child joins
 * the cgroups while it sees the host's, then all other namespaces that the container owns by one setns of its init's pidfd.
 */
export const buildExecPlan: BuildExecPlan = (request) => {
  const plan = new PlanBuilder();
  const { own } = namespacesOf(request.spec);
  const path = cgroupsPathOf(request);
  // Before anything of the container can see us: nobody in there may ptrace us or read our descriptors (CVE-2016-9962).
  plan.call('become undumpable', 'prctl', [PR_SET_DUMPABLE, 0, 0, 0, 0]);
  redirectStdio(plan, request.stdio);
  const init = plan.call(`open process ${request.pid}`, 'pidfd_open', [request.pid, 0], { save: true });
  if (own.has('user')) raiseRlimits(plan, request.process.rlimits ?? []);
  setInitialAffinity(plan, request.process);
  if (own.has('pid')) plan.call('join the pid namespace', 'setns', [init, CLONE_NEW.pid]);
  const { pid, parent } = forkInto(plan, { flags: 0, cgroups: request.cgroups, cgroupsPath: path });
  buildChild(plan, request, { init, path, flags: namespaceFlags([...own].filter((type) => type !== 'pid')) });
  parent();
  tellForked(plan, request.keeper, pid);
  plan.end();
  if (request.keeper.kind === 'shim') placeMonitor(plan, request.keeper.monitor, pid);
  return plan.build();
};

/** In the parent, by paths of the host. */
function redirectStdio(plan: PlanBuilder, stdio: ExecRequest['stdio']): void {
  stdio?.forEach((path, target) => {
    const file = plan.call(`open "${path}"`, 'openat', [AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0], {
      save: true,
    });
    plan.call(`place descriptor ${target}`, 'dup3', [file, target, 0]);
    plan.close(file);
  });
}

function cgroupsPathOf({ cgroupsPath, spec }: ExecRequest): string | undefined {
  const containers = spec.linux.cgroupsPath;
  return cgroupsPath ?? (containers === undefined ? undefined : checkCgroupsPath(containers));
}

function buildChild(
  plan: PlanBuilder,
  request: ExecRequest,
  { init, path, flags }: { readonly init: Slot; readonly path: string | undefined; readonly flags: number },
): void {
  const { id, process, keeper, seccomp, cgroups, spec } = request;
  const handOver = handOverTo(keeper);
  if (path !== undefined) joinCgroups(plan, cgroups, path);
  const procSelf = openProcSelf(plan);
  adjustOomScore(plan, process.oomScoreAdj ?? spec.process.oomScoreAdj, procSelf);
  const beforeExec = readySteps(keeper);
  plan.call('join the namespaces of the container', 'setns', [init, flags]);
  const hasUserNamespace = (flags & CLONE_NEW.user) !== 0;
  if (hasUserNamespace) becomeRootInside(plan);
  const root = plan.call('open the root', 'openat', [AT_FDCWD, '/', O_PATH | O_DIRECTORY | O_CLOEXEC, 0], {
    save: true,
  });
  const cwd = openIn(plan, root, {
    path: process.cwd,
    flags: O_PATH | O_DIRECTORY | O_CLOEXEC,
    label: cwdLabel(process.cwd),
  });
  const terminal =
    process.terminal === true ? makeTerminal(plan, openPtmxIn(plan, root), { process, handOver }) : undefined;
  becomeProcess(plan, {
    id,
    process,
    linux: spec.linux,
    isFirst: false,
    keeper,
    seccomp,
    cwd,
    terminal,
    procSelf,
    handOver,
    beforeExec,
    noNewKeyring: request.noNewKeyring ?? false,
    hasUserNamespace,
    program: request.program,
  });
}
