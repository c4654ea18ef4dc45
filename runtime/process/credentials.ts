import type { CompiledSeccomp } from '../contract.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import { PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS, SECCOMP_SET_MODE_FILTER } from '../plan/constants.ts';
import { dropBounding, setCapabilities } from '../security/capabilities.ts';
import type { Process } from '../spec.ts';

/**
 * Becomes the user of the process, with its groups and capabilities. The filter is loaded first, while CAP_SYS_ADMIN is there;
 * with no_new_privs it needs no capability and is loaded by `loadFilter` right before the program.
 */
export function becomeUser(plan: PlanBuilder, process: Process, seccomp: CompiledSeccomp | undefined): void {
  if (process.noNewPrivileges === true) {
    plan.call('set no_new_privs', 'prctl', [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  } else {
    loadFilter(plan, seccomp);
  }
  const { uid, gid, additionalGids = [] } = process.user;
  const capabilities = process.capabilities ?? {};
  dropBounding(plan, capabilities);
  plan.call('keep capabilities', 'prctl', [PR_SET_KEEPCAPS, 1, 0, 0, 0]);
  const groups = new Uint8Array(new Uint32Array([...additionalGids, 0]).buffer);
  plan.call(`set groups ${additionalGids.join(',')}`, 'setgroups', [additionalGids.length, groups]);
  plan.call(`become group ${gid}`, 'setresgid', [gid, gid, gid]);
  plan.call(`become user ${uid}`, 'setresuid', [uid, uid, uid]);
  plan.call('keep no capabilities later', 'prctl', [PR_SET_KEEPCAPS, 0, 0, 0, 0]);
  setCapabilities(plan, capabilities);
}

/** Attaches the compiled filter to the process (man 2 seccomp). */
export function loadFilter(plan: PlanBuilder, seccomp: CompiledSeccomp | undefined): void {
  if (seccomp === undefined) return;
  const { program, flags } = seccomp;
  // struct sock_fprog: unsigned short len, then the address of the instructions at offset 8.
  const header = new Uint8Array(16);
  new DataView(header.buffer).setUint16(0, program.byteLength / 8, true);
  const offset = plan.bytes(header);
  plan.relocate(offset + 8, plan.bytes(program));
  plan.call('load the seccomp filter', 'seccomp', [SECCOMP_SET_MODE_FILTER, flags, { kind: 'blob', offset }]);
}
