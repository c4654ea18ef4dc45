import { readFileSync } from 'node:fs';
import type { CgroupPlace } from '../cgroup/contract.ts';
import { hierarchyOf } from '../cgroup/layout.ts';
import type { ContainerRecord, ProcessIdentity, Settings, Status } from './contract.ts';
import { hasStartFifo } from './state-directory.ts';

/** Field 22 of /proc/<pid>/stat, and field 3; the name before them may hold anything (man 5 proc_pid_stat). */
function statOf(pid: number): { readonly state: string; readonly startTime: string } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
}

/** Who has this number now; undefined for nobody. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid);
  return stat === undefined ? undefined : { pid, startTime: stat.startTime };
}

/** Whether it still is this process, and no zombie. */
export function isAlive(process: ProcessIdentity): boolean {
  const stat = statOf(process.pid);
  return (
    stat !== undefined && stat.startTime === process.startTime && stat.state !== 'Z' && stat.state !== 'X'
  );
}

export function statusOf({ root }: Pick<Settings, 'root'>, record: ContainerRecord): Status {
  const { id, init, isReady, cgroups } = record;
  if (init === undefined) return isReady ? 'stopped' : 'creating';
  if (!isAlive(init)) return 'stopped';
  if (!isReady) return 'creating';
  if (cgroups !== undefined && isFrozenNow(cgroups)) return 'paused';
  return hasStartFifo(root, id) ? 'created' : 'running';
}

function isFrozenNow({ layout, path }: CgroupPlace): boolean {
  const freezer = hierarchyOf(layout, 'freezer');
  if (freezer !== undefined)
    return (
      read(`${freezer.mountPoint}${path}/freezer.state`)?.trim() !== 'THAWED' &&
      exists(freezer.mountPoint + path)
    );
  return layout.unified !== undefined && read(`${layout.unified}${path}/cgroup.freeze`)?.trim() === '1';
}

const exists = (path: string): boolean => read(`${path}/cgroup.procs`) !== undefined;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
