import type { PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, CLOSE_RANGE_CLOEXEC, PR_SET_PDEATHSIG } from '../plan/constants.ts';
import type { Slot } from '../plan/types.ts';
import { setRlimits } from '../process/rlimits.ts';
import { bundleFiles, type ForeignContainer } from './contract.ts';

const SIGKILL = 9;

/** First of a child that becomes the runtime: one that hangs goes with its shim. */
export const endWithShim = (plan: PlanBuilder): void =>
  void plan.call('end with the shim', 'prctl', [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0]);

/** Last of it: becomes the runtime, in the bundle. */
export function becomeRuntime(plan: PlanBuilder, container: ForeignContainer, verb: readonly string[]): void {
  const { runtime, bundle, env } = container;
  const { path, args } = runtime;
  const log = `${bundle}/${bundleFiles.log}`;
  const options = ['--root', `${bundle}/${bundleFiles.state}`, '--log', log, '--log-format', 'json'];
  const argv = [path, ...args, ...options, ...verb];
  plan.call('enter the bundle', 'chdir', [bundle]);
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
