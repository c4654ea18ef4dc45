import type { MonitorConfig } from '../contract.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, CLOSE_RANGE_CLOEXEC, O_CLOEXEC, O_RDONLY, PR_SET_PDEATHSIG } from '../plan/constants.ts';
import type { Slot } from '../plan/types.ts';
import { setRlimits } from '../process/rlimits.ts';
import { bundleFiles, type ForeignContainer } from './contract.ts';

const SIGKILL = 9;
const P_PID = 1;
/** WNOHANG | WEXITED | WNOWAIT: looks, and takes nothing. */
const LOOK = 0x0100_0005;
const NUMBER_BYTES = 24;
/** Where the shim puts the container's ends of its pipes (native/c/monitor.h). */
const PIPES = [5, 6, 7] as const;

/** First of a child that becomes the runtime: one that hangs goes with its shim. */
export const endWithShim = (plan: PlanBuilder): void =>
  void plan.call('end with the shim', 'prctl', [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0]);

/** Last of it: becomes the runtime, in a directory that gets its log. */
export function becomeRuntime(
  plan: PlanBuilder,
  { runtime, bundle, env, root }: ForeignContainer,
  { directory, verb }: { readonly directory: string; readonly verb: readonly string[] },
): void {
  const { path, args } = runtime;
  const log = `${directory}/${bundleFiles.log}`;
  const state = root ?? `${bundle}/${bundleFiles.state}`;
  const options = ['--root', state, '--log', log, '--log-format', 'json'];
  const argv = [path, ...args, ...options, ...verb];
  plan.call(`enter "${directory}"`, 'chdir', [directory]);
  plan.call('set the umask', 'umask', [0o022]);
  // What the specification does not limit the container has from here.
  setRlimits(plan, []);
  plan.call('close on exec', 'close_range', [3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC]);
  plan.call(`fork/exec ${path}`, 'execve', [path, plan.strings(argv), plan.strings(env)]);
}

/** In its parent: waits for the runtime to end. Fails with this label when it did not do its work. */
export function awaitRuntime(plan: PlanBuilder, child: Slot, label: string): void {
  const status = plan.bytes(new Uint8Array(8));
  plan.call(label, 'wait4', [child, { kind: 'blob', offset: status }, 0, 0]);
  plan.expect(label, status, { value: 0, errno: 'EPROTO' });
}

/** Makes an empty file of the host. */
export const makeFile = (plan: PlanBuilder, path: string): void =>
  void plan.call(`make "${path}"`, 'mknodat', [AT_FDCWD, path, 0o100600, 0]);

/** The shim's, or the terminal that the runtime makes. */
export function placePipes(plan: PlanBuilder, { tty }: MonitorConfig): void {
  for (const target of tty ? [] : ([0, 1, 2] as const))
    plan.call(`place descriptor ${target}`, 'dup3', [PIPES[target], target, 0]);
}

/** The process's, by the file that the runtime wrote; fails unless the shim has become its parent. */
export function readPid(plan: PlanBuilder): Slot {
  const label = 'read the process id that the runtime wrote';
  const text = plan.bytes(new Uint8Array(NUMBER_BYTES));
  const file = plan.call(label, 'openat', [AT_FDCWD, bundleFiles.pid, O_RDONLY | O_CLOEXEC, 0], {
    save: true,
  });
  plan.call(label, 'read', [file, { kind: 'blob', offset: text }, NUMBER_BYTES - 1], { zeroFails: true });
  plan.close(file);
  const pid = plan.number(label, text);
  plan.call("become the parent of the runtime's process", 'waitid', [P_PID, pid, 0, LOOK, 0]);
  return pid;
}
