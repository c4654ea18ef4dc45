import { invalidArgument } from '../../common/errors.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../plan/constants.ts';
import { openIn } from '../plan/paths.ts';
import { OPEN_HOW_BYTES, openHow } from '../plan/structs.ts';
import type { Slot } from '../plan/types.ts';
import { expectProc } from './verify.ts';

/** Sysctls that belong to a namespace, by the kind of namespace (as runc has them): any other would change the host. */
const IPC: ReadonlySet<string> = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

/**
 * Writes sysctls through the descriptor of the procfs that the plan itself made, whatever is mounted over it (CVE-2019-19921); else of
 * what the container has at /proc, if that is a procfs. Throws `invalid-argument`, in runc's words, for one that is not of an own
 * namespace.
 */
export function writeSysctls(
  plan: PlanBuilder,
  sysctls: Readonly<Record<string, string>>,
  {
    root,
    proc,
    namespaces,
  }: { readonly root: Slot; readonly proc: Slot | undefined; readonly namespaces: ReadonlySet<string> },
): void {
  const entries = Object.entries(sysctls);
  for (const [name] of entries) checkSysctl(name, namespaces);
  if (entries.length === 0) return;
  const directory = proc ?? openProc(plan, root);
  for (const [name, value] of entries) {
    const resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const how = openHow({ flags: O_WRONLY | O_CLOEXEC, resolve });
    const label = `set sysctl "${name}" to "${value}"`;
    const path = `sys/${sysctlPath(name)}`;
    const file = plan.call(label, 'openat2', [directory, path, how, OPEN_HOW_BYTES], { save: true });
    plan.call(label, 'write', [file, value, Buffer.byteLength(value)]);
    plan.close(file);
  }
}

/** A procfs that was bound there. */
function openProc(plan: PlanBuilder, root: Slot): Slot {
  const label = 'set sysctls in "/proc"';
  const proc = openIn(plan, root, {
    path: '/proc',
    flags: O_PATH | O_DIRECTORY | O_CLOEXEC,
    resolve: RESOLVE_NO_SYMLINKS,
    label,
  });
  expectProc(plan, proc, `${label}, which is no procfs`);
  return proc;
}

/** Throws `invalid-argument` unless the sysctl is of a namespace that the container has for itself. */
export function checkSysctl(name: string, namespaces: ReadonlySet<string>): void {
  const parts = sysctlPath(name).split('/');
  const dotted = parts.join('.');
  // `net/../kernel/panic` is beneath /proc/sys, but not of the network.
  const isClean = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (isClean && (IPC.has(dotted) || dotted.startsWith('fs.mqueue.'))) {
    if (namespaces.has('ipc')) return;
    throw invalidArgument(`sysctl "${name}" is not allowed in the hosts ipc namespace`);
  }
  if (isClean && dotted.startsWith('net.')) {
    if (namespaces.has('network')) return;
    throw invalidArgument(`sysctl "${name}" not allowed in host network namespace`);
  }
  if (dotted === 'kernel.domainname' && namespaces.has('uts')) return;
  if (dotted === 'kernel.hostname' && namespaces.has('uts'))
    throw invalidArgument(`sysctl "${name}" is not allowed as it conflicts with the OCI "hostname" field`);
  if (isClean && dotted.startsWith('user.') && namespaces.has('user')) return;
  throw invalidArgument(`sysctl "${name}" is not in a separate kernel namespace`);
}

/** `net/ipv4/conf/eth0.1/forwarding` keeps its dots; `net.ipv4.ip_forward` is turned (man 8 sysctl). */
const sysctlPath = (name: string): string => {
  const slash = name.indexOf('/');
  const dot = name.indexOf('.');
  return slash >= 0 && (dot < 0 || slash < dot)
    ? name
    : name.replaceAll(/[./]/g, (mark) => (mark === '.' ? '/' : '.'));
};
