import { capabilitiesOf } from '../../../runtime/security/capabilities.ts';
import type { MonitorConfig } from '../../../runtime/contract.ts';
import { buildExecPlan } from '../../../runtime/exec.ts';
import { buildForeignExec } from '../../../runtime/foreign/exec.ts';
import type { Plan } from '../../../runtime/plan/types.ts';
import { readAccountFilesOf } from '../../../runtime/rootfs-files.ts';
import type { Process, Spec } from '../../../runtime/spec.ts';
import { resolveUser } from '../../../runtime/user.ts';
import { DRAIN_MS } from '../containers/launch.ts';
import type { Entry, Run } from '../containers/table.ts';
import type { ExecCreateRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import { foreignContainer, writeProcess } from '../runtimes/bundle.ts';
import { findFacts } from '../spec/find-facts.ts';
import { makeSpec, processEnv, processUser } from '../spec/make-spec.ts';

export interface ExecPlanRequest {
  readonly id: string;
  readonly entry: Entry;
  readonly run: Run;
  readonly request: ExecCreateRequest;
  readonly consoleSize: ExecCreateRequest['consoleSize'];
  /** Somebody will attach to its stdin. */
  readonly hasInput: boolean;
}

/** The plan of an exec. Throws `invalid-argument` for a user that the container does not know. */
export async function execPlan(core: Core, asked: ExecPlanRequest): Promise<Plan> {
  const { id, entry, run } = asked;
  const spec = await specOf(core, entry, run);
  const process = await processOf(core, spec, asked);
  const monitor = monitorOf(core, asked);
  if (run.runtime !== undefined) {
    await writeProcess(monitor.directory, process);
    const container = foreignContainer(core.paths, entry.id, run.runtime);
    return buildForeignExec({ container, monitor });
  }
  return buildExecPlan({
    id,
    pid: run.shim.pid,
    spec,
    process,
    keeper: { kind: 'shim', monitor },
    seccomp: core.seccompFor(entry.view.config.host),
    cgroups: core.host.cgroups,
  });
}

const monitorOf = (core: Core, { id, request, consoleSize, hasInput }: ExecPlanRequest): MonitorConfig => ({
  id,
  directory: core.paths.shim(id),
  tty: request.tty,
  consoleSize,
  stdin: hasInput ? 'once' : 'none',
  log: undefined,
  drainMs: DRAIN_MS,
  oomFile: undefined,
});

/** What the container was started with; made anew when an earlier daemon started it. */
export async function specOf(core: Core, { view }: Entry, run: Run): Promise<Spec> {
  // What it has joined is what its first process is in, wherever those are by now that it was joined from.
  const { pid } = run.shim;
  run.spec ??= makeSpec(view, await findFacts(core, view, { ipc: pid, pid }));
  return run.spec;
}

/** The container's own process with the differences that were asked for. */
async function processOf(
  { host }: Core,
  spec: Spec,
  { entry, run, request, consoleSize }: ExecPlanRequest,
): Promise<Process> {
  const { config } = entry.view;
  const { terminal: _terminal, consoleSize: _size, ...base } = spec.process;
  const user =
    request.user === ''
      ? undefined
      : resolveUser(request.user, await readAccountFilesOf(run.shim.pid), config.host.groupAdd);
  const size =
    consoleSize === undefined
      ? {}
      : { consoleSize: { height: consoleSize.rows, width: consoleSize.columns } };
  return {
    ...base,
    ...(request.tty ? { terminal: true, ...size } : {}),
    ...(user === undefined ? {} : { user: processUser(user) }),
    ...(request.privileged ? { capabilities: capabilitiesOf(host.capabilities) } : {}),
    args: [...request.cmd],
    env: processEnv({
      hostname: config.hostname,
      tty: request.tty,
      own: [...config.env, ...request.env],
      home: user?.home ?? homeOf(spec),
    }),
    cwd: request.workingDir === '' ? spec.process.cwd : request.workingDir,
  };
}

const homeOf = (spec: Spec): string =>
  spec.process.env?.find((variable) => variable.startsWith('HOME='))?.slice('HOME='.length) ?? '/';
