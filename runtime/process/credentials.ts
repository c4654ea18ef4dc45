import { Label, type PlanBuilder } from '../plan/builder.ts';
import { PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS, SECCOMP_SET_MODE_FILTER } from '../plan/constants.ts';
import { dropBounding, setCapabilities } from '../security/capabilities.ts';
import { NEW_LISTENER } from '../security/seccomp-actions.ts';
import type { Process } from '../spec.ts';
import type { BecomeOptions } from './contract.ts';
import { enterCwd } from './cwd.ts';

/** Nothing that the process executes gives it a privilege (prctl(2), PR_SET_NO_NEW_PRIVS). */
export function refusePrivileges(plan: PlanBuilder, process: Process): void {
  if (process.noNewPrivileges === true)
    plan.call('set no_new_privs', 'prctl', [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
}

/**
 * Becomes the user of the process, with its groups and capabilities, in its directory. That is entered with the privilege of
 * before, else with the user's own.
 */
export function becomeUser(plan: PlanBuilder, options: BecomeOptions): void {
  const { process, hasUserNamespace } = options;
  const { uid, gid, additionalGids = [] } = process.user;
  const capabilities = process.capabilities ?? {};
  const enterLate = enterCwd(plan, options);
  dropBounding(plan, capabilities);
  plan.call('keep capabilities', 'prctl', [PR_SET_KEEPCAPS, 1, 0, 0, 0]);
  const groups = new Uint8Array(new Uint32Array([...additionalGids, 0]).buffer);
  plan.call(`set groups ${additionalGids.join(',')}`, 'setgroups', [additionalGids.length, groups], {
    // Where a user namespace denies it, there is no group that could be dropped either (man 7 user_namespaces).
    ignore: hasUserNamespace ? ['EPERM'] : [],
  });
  becomeId(plan, { call: 'setgid', id: gid, label: `become group ${gid}` });
  becomeId(plan, { call: 'setuid', id: uid, label: `become user ${uid}` });
  enterLate();
  plan.call('keep no capabilities later', 'prctl', [PR_SET_KEEPCAPS, 0, 0, 0, 0]);
  setCapabilities(plan, capabilities);
}

/** With the privilege for it, the real, effective and saved ids at once. */
function becomeId(
  plan: PlanBuilder,
  { call, id, label }: { readonly call: 'setuid' | 'setgid'; readonly id: number; readonly label: string },
): void {
  const [done, unmapped] = [new Label(), new Label()];
  plan.call(label, call, [id], { ignore: ['EINVAL'], onOk: done, onIgnored: unmapped });
  plan.here(unmapped);
  plan.fail(`cannot ${call} to unmapped ${call.slice(3)} ${id} in user namespace`, 'EINVAL');
  plan.here(done);
}

/** Attaches the compiled filter to the process (man 2 seccomp), and hands its notifications over when it has some. */
export function loadFilter(plan: PlanBuilder, { seccomp, handOver }: BecomeOptions): void {
  if (seccomp === undefined) return;
  const { program, flags } = seccomp;
  // struct sock_fprog: unsigned short len, then the address of the instructions at offset 8.
  const header = new Uint8Array(16);
  new DataView(header.buffer).setUint16(0, program.byteLength / 8, true);
  const offset = plan.bytes(header);
  plan.relocate(offset + 8, plan.bytes(program));
  const filter = { kind: 'blob', offset } as const;
  const args = [SECCOMP_SET_MODE_FILTER, flags, filter];
  const notifies = (flags & NEW_LISTENER) !== 0;
  const listener = plan.call('load the seccomp filter', 'seccomp', args, { save: notifies });
  if (!notifies) return;
  handOver(plan, 'seccomp', listener);
  plan.close(listener);
}
