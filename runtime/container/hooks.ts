import { closeSync, readFileSync } from 'node:fs';
import { internal, messageOf } from '../../common/errors.ts';
import { memfd } from '../../native/sys/memory-file.ts';
import { pidfdOpen, pidfdSendSignal } from '../../native/sys/pidfd.ts';
import { waitChild } from '../../native/sys/reap.ts';
import { pollReadable, setSubreaper } from '../../native/sys/wait.ts';
import { joinCgroups } from '../cgroup/create.ts';
import { buildExecPlan } from '../exec.ts';
import { namespaceFlags, namespacesOf } from '../namespaces.ts';
import { PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, CLONE_NEW, CLOSE_RANGE_CLOEXEC, O_CLOEXEC, O_RDWR, SIGCHLD } from '../plan/constants.ts';
import { cloneArgs } from '../plan/structs.ts';
import type { Plan } from '../plan/types.ts';
import { reportForked } from '../report.ts';
import { compileCached, seccompCache } from '../security/seccomp-cache.ts';
import type { Hook, HookPoint } from '../spec.ts';
import type { ContainerRecord, Settings, Status } from './contract.ts';
import { endingOf } from './ending.ts';
import { withHome } from './home.ts';
import { runPlan } from './launcher.ts';
import { hookState } from './state.ts';

const SIGKILL = 9;
/** Longer than any command waits. */
const FOREVER_MS = 2 ** 31;
const STDERR_BYTES = 4096;

/**
 * Runs the hooks of one point in their order, each with the state on its stdin. Throws the failure of the first that fails, in
 * runc's words; those behind it do not run.
 */
export function runHooks(record: ContainerRecord, when: HookTime): void {
  eachHook(record, when, (error) => {
    throw error;
  });
}

/** The same for points whose failures are logged and change nothing. */
export function runHooksQuietly(settings: Settings, record: ContainerRecord, when: HookTime): void {
  eachHook(record, when, ({ message }) => settings.warn(message));
}

interface HookTime {
  readonly point: HookPoint;
  /** Of the container, as the hooks read it. */
  readonly status: Status;
}

function eachHook(
  record: ContainerRecord,
  { point, status }: HookTime,
  onFailure: (error: Error) => void,
): void {
  const hooks = record.spec.hooks?.[point] ?? [];
  hooks.forEach((hook, index) => {
    try {
      runHook(record, { hook, point, state: hookState(record, status) });
    } catch (error) {
      onFailure(internal(`error running ${point} hook #${index}: ${messageOf(error)}`, { cause: error }));
    }
  });
}

function runHook(
  record: ContainerRecord,
  { hook, point, state }: { readonly hook: Hook; readonly point: HookPoint; readonly state: string },
): void {
  const input = memfd('wherry-hook-state', Buffer.from(state));
  const errors = memfd('wherry-hook-errors', new Uint8Array());
  // The hook is orphaned by its launcher, and has to become ours.
  setSubreaper(true);
  try {
    const stdio = [pathOf(input), '/dev/null', pathOf(errors)] as const;
    const plan =
      point === 'startContainer' ? insidePlan(record, hook, stdio) : hookPlan(record, { hook, point, stdio });
    const pid = runPlan(plan);
    if (pid === undefined) throw internal(`Cannot start "${hook.path}"`);
    const status = waitFor(pid, hook.timeout);
    const text = readFileSync(pathOf(errors), 'utf8').slice(0, STDERR_BYTES).trim();
    if (status !== 0) throw internal(`${endingOf(status)}, stdout: , stderr: ${text}`);
  } finally {
    setSubreaper(false);
    closeSync(input);
    closeSync(errors);
  }
}

/** The launcher reads them here, while the host's procfs is there. */
const pathOf = (fd: number): string => `/proc/${process.pid}/fd/${fd}`;

/** The wait status; a hook that takes longer than its timeout, in seconds, is killed. */
function waitFor(pid: number, timeout: number | undefined): number {
  const pidfd = pidfdOpen(pid);
  try {
    const ended = pollReadable([pidfd], timeout === undefined ? FOREVER_MS : timeout * 1000);
    if (ended === undefined) {
      pidfdSendSignal(pidfd, SIGKILL);
      waitChild(pid, { block: true });
      throw internal(`hook ran past specified timeout of ${timeout?.toFixed(1)}s`);
    }
  } finally {
    closeSync(pidfd);
  }
  return waitChild(pid, { block: true }) ?? 0;
}

type Stdio = readonly [string, string, string];

/**
 * A startContainer hook is a program of the container: it may do what the container's process may, with its user, capabilities and
 * filter, and nothing more.
 */
function insidePlan(record: ContainerRecord, hook: Hook, stdio: Stdio): Plan {
  const { id, init, spec, rootfs, cgroups } = record;
  if (init === undefined || cgroups === undefined)
    throw internal(`container ${id} has no ${init === undefined ? 'process' : 'cgroups'}`);
  const process = withHome(spec.process, rootfs);
  return buildExecPlan({
    id,
    pid: init.pid,
    spec,
    program: hook.path,
    process: {
      ...process,
      terminal: false,
      args: argumentsOf(hook),
      env: hook.env ?? process.env ?? [],
      cwd: '/',
    },
    stdio,
    keeper: { kind: 'runtime', preserveFds: 0, ownedStdio: [], startIn: undefined, meetsAtRoot: false },
    seccomp: spec.linux.seccomp === undefined ? undefined : compileCached(spec.linux.seccomp, seccompCache()),
    cgroups: cgroups.layout,
  });
}

const argumentsOf = ({ path, args = [] }: Hook): string[] => (args.length === 0 ? [path] : args);

/** In the runtime's namespaces, or in all of the container's while it is made; with an environment and arguments of its own. */
function hookPlan(
  record: ContainerRecord,
  options: {
    readonly hook: Hook;
    readonly point: HookPoint;
    readonly stdio: Stdio;
  },
): Plan {
  const { hook, point, stdio } = options;
  const inside = point === 'createContainer';
  const plan = new PlanBuilder();
  const files = stdio.map((path) =>
    plan.call(`open "${path}"`, 'openat', [AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0], { save: true }),
  );
  const init =
    inside && record.init !== undefined
      ? plan.call(`open process ${record.init.pid}`, 'pidfd_open', [record.init.pid, 0], { save: true })
      : undefined;
  const { own } = namespacesOf(record.spec);
  if (init !== undefined && own.has('pid'))
    plan.call('join the pid namespace', 'setns', [init, CLONE_NEW.pid]);
  const { pid, parent } = plan.fork('fork', cloneArgs(0, SIGCHLD));
  if (init !== undefined) {
    if (record.cgroups !== undefined) joinCgroups(plan, record.cgroups.layout, record.cgroups.path);
    const flags = namespaceFlags([...own].filter((type) => type !== 'pid'));
    plan.call('join the namespaces of the container', 'setns', [init, flags]);
  }
  files.forEach((file, target) => plan.call(`place descriptor ${target}`, 'dup3', [file, target, 0]));
  // Relative paths of its arguments are the bundle's, or the container's while it is made.
  const directory = point === 'createContainer' ? record.rootfs : record.bundle;
  plan.call(`enter "${directory}"`, 'chdir', [directory], {
    ignore: ['ENOENT', 'ENOTDIR', 'EACCES'],
  });
  plan.call('start a session', 'setsid', []);
  plan.call('close on exec', 'close_range', [3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC]);
  plan.call(`exec ${hook.path}`, 'execve', [
    hook.path,
    plan.strings(argumentsOf(hook)),
    plan.strings(hook.env ?? environment()),
  ]);
  parent();
  reportForked(plan, 3, pid);
  plan.end();
  return plan.build();
}

/** A hook without an environment of its own has this command's. */
const environment = (): string[] =>
  Object.entries(process.env)
    .filter(([name]) => name !== 'WHERRY_OPEN_FDS')
    .map(([name, value]) => `${name}=${value ?? ''}`);
