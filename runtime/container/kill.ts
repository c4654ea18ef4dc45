import { closeSync } from 'node:fs';
import { isErrno } from '../../native/sys/files.ts';
import { pidfdOpen, pidfdSendSignal } from '../../native/sys/pidfd.ts';
import type { ProcessIdentity } from './contract.ts';
import { isAlive } from './status.ts';

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
