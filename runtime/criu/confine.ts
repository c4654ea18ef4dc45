import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { internal } from '../../common/errors.ts';
import type { ContainerRecord } from '../container/contract.ts';
import { signalProcess } from '../container/kill.ts';
import { identify } from '../container/status.ts';
import { namespacesOf } from '../namespaces.ts';
import { capabilityMask } from '../security/capabilities.ts';
import type { NamespaceType } from '../spec.ts';

/** man 7 namespaces: the names below /proc/<pid>/ns. */
const NAMES: Readonly<Record<NamespaceType, string>> = {
  cgroup: 'cgroup',
  ipc: 'ipc',
  mount: 'mnt',
  network: 'net',
  pid: 'pid',
  time: 'time',
  user: 'user',
  uts: 'uts',
};
const SETS = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];
const SECCOMP_FILTER = '2';
const SIGKILL = 9;

/**
 * Throws unless each process that CRIU made is confined as the configuration says, whatever the images said: none in a namespace of
 * the host that is not the container's, none with capabilities or without the filters of the container's process.
 */
export function checkInside(record: ContainerRecord, what: 'namespaces' | 'credentials'): void {
  for (const pid of processesBelow(record.init?.pid)) {
    if (what === 'namespaces') checkNamespaces(record, pid);
    else checkCredentials(record, pid);
  }
}

/** With their init, and one by one for a container whose init is no init of a pid namespace. */
export function endAll(record: ContainerRecord): void {
  for (const pid of processesBelow(record.init?.pid)) {
    const process = identify(pid);
    if (process !== undefined) signalProcess(process, SIGKILL);
  }
}

function checkNamespaces({ spec }: ContainerRecord, pid: number): void {
  const { own, joined } = namespacesOf(spec);
  for (const type of own) {
    const found = readlinkSync(`/proc/${pid}/ns/${NAMES[type]}`);
    const path = joined.get(type);
    const isGood =
      path === undefined
        ? found !== readlinkSync(`/proc/self/ns/${NAMES[type]}`)
        : found === `${NAMES[type]}:[${statSync(path).ino}]`;
    if (!isGood) throw refusal(pid, `is not in the ${type} namespace of the configuration`);
  }
}

function checkCredentials({ spec }: ContainerRecord, pid: number): void {
  const { process, linux } = spec;
  const status = new Map(
    readFileSync(`/proc/${pid}/status`, 'utf8')
      .split('\n')
      .map((line) => line.split(':\t') as [string, string]),
  );
  const allowed = Object.values(process.capabilities ?? {}).reduce<bigint>(
    (mask, names: readonly string[]) => mask | capabilityMask(names),
    0n,
  );
  for (const set of SETS)
    if ((BigInt(`0x${status.get(set) ?? '0'}`) & ~allowed) !== 0n)
      throw refusal(pid, `has capabilities that the configuration does not give (${set})`);
  if (process.noNewPrivileges === true && status.get('NoNewPrivs') !== '1')
    throw refusal(pid, 'may gain privileges');
  if (linux.seccomp !== undefined && status.get('Seccomp') !== SECCOMP_FILTER)
    throw refusal(pid, 'has no seccomp filter');
}

const refusal = (pid: number, why: string): Error =>
  internal(`the images are not those of such a container: process ${pid} ${why}`);

/** A process and all below it (man 5 proc_pid_task, `children`). */
function processesBelow(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
  return [pid, ...children.flatMap((child) => processesBelow(child))];
}
