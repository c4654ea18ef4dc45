import { closeSync } from 'node:fs';
import { conflict } from '../../common/errors.ts';
import { isErrno } from '../../native/sys/files.ts';
import { pidfdOpen, pidfdSendSignal } from '../../native/sys/pidfd.ts';
import { thaw } from '../cgroup/live/freezer.ts';
import { processes, signalAll } from '../cgroup/live/processes.ts';
import type { ContainerRecord, ProcessIdentity, Settings } from './contract.ts';
import { isAlive, statusOf } from './status.ts';

const SIGKILL = 9;

/**
 * Signals a container's init; with `all`, each of its processes. SIGKILL goes to all of a container without a pid namespace of its
 * own, since nothing of it would end with the init, and thaws a paused one, which would keep it pending. Throws `conflict` in
 * runc's words for one that does not run, unless `all`: then there is nobody to signal.
 */
export async function killContainer(
  settings: Settings,
  record: ContainerRecord,
  { signal, all }: { readonly signal: number; readonly all: boolean },
): Promise<void> {
  const { init, cgroups } = record;
  const isPaused = statusOf(settings, record) === 'paused';
  if (cgroups !== undefined && (all || (signal === SIGKILL && !hasOwnPids(record)))) {
    const hasEnded = init === undefined || !isAlive(init);
    if (hasEnded && !all && (await processes(cgroups)).length === 0) throw conflict('container not running');
    await signalAll(cgroups, { signal, isPaused });
    return;
  }
  if (init === undefined || !signalProcess(init, signal)) {
    if (all) return;
    throw conflict('container not running');
  }
  if (isPaused && signal === SIGKILL && cgroups !== undefined) await thaw(cgroups);
}

const hasOwnPids = ({ spec }: ContainerRecord): boolean =>
  spec.linux.namespaces.some(({ type, path }) => type === 'pid' && (path === undefined || path === ''));

/**
 * Signals this very process: its number may be another's by now, so a descriptor is opened first and then the start time is
 * compared. False when it has ended.
 */
export function signalProcess(process: ProcessIdentity, signal: number): boolean {
  let pidfd: number;
  try {
    pidfd = pidfdOpen(process.pid);
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return false;
    throw error;
  }
  try {
    if (!isAlive(process)) return false;
    pidfdSendSignal(pidfd, signal);
    return true;
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return false;
    throw error;
  } finally {
    closeSync(pidfd);
  }
}
