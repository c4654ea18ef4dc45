import { invalidArgument } from '../../common/errors.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import {
  O_CLOEXEC,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../plan/constants.ts';
import { OPEN_HOW_BYTES, openHow } from '../plan/structs.ts';
import type { Slot } from '../plan/types.ts';

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
 * Writes sysctls through the descriptor of the procfs that the plan itself made, whatever is mounted over it
 * (CVE-2019-19921). Throws `invalid-argument` for one that is not of an own namespace.
 */
export function writeSysctls(
  plan: PlanBuilder,
  sysctls: Readonly<Record<string, string>>,
  { proc, namespaces }: { readonly proc: Slot | undefined; readonly namespaces: ReadonlySet<string> },
): void {
  for (const [name, value] of Object.entries(sysctls)) {
    if (!isNamespaced(name, namespaces)) {
      throw invalidArgument(`sysctl "${name}" is not in a separate kernel namespace`);
    }
    if (proc === undefined) throw invalidArgument(`Cannot set sysctl "${name}": the container has no /proc`);
    const resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const how = openHow({ flags: O_WRONLY | O_CLOEXEC, resolve });
    const label = `set sysctl "${name}" to "${value}"`;
    const file = plan.call(label, 'openat2', [proc, `sys/${pathOf(name)}`, how, OPEN_HOW_BYTES], {
      save: true,
    });
    plan.call(label, 'write', [file, value, Buffer.byteLength(value)]);
    plan.close(file);
  }
}

function isNamespaced(name: string, namespaces: ReadonlySet<string>): boolean {
  // `net/../kernel/panic` is beneath /proc/sys, but not of the network.
  if (
    pathOf(name)
      .split('/')
      .some((part) => part === '' || part === '.' || part === '..')
  )
    return false;
  const dotted = pathOf(name).replaceAll('/', '.');
  if (IPC.has(dotted) || dotted.startsWith('fs.mqueue.')) return namespaces.has('ipc');
  if (dotted.startsWith('net.')) return namespaces.has('network');
  return dotted === 'kernel.domainname' && namespaces.has('uts');
}

/** `net/ipv4/conf/eth0.1/forwarding` keeps its dots; `net.ipv4.ip_forward` is turned (man 8 sysctl). */
const pathOf = (name: string): string => {
  const slash = name.indexOf('/');
  const dot = name.indexOf('.');
  return slash >= 0 && (dot < 0 || slash < dot)
    ? name
    : name.replaceAll(/[./]/g, (mark) => (mark === '.' ? '/' : '.'));
};
