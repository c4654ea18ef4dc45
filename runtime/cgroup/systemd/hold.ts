import { closeSync } from 'node:fs';
import { launch } from '../../../native/ffi/launch.ts';
import { memfd } from '../../../native/sys/memory-file.ts';
import { waitChild } from '../../../native/sys/reap.ts';
import { socketPair } from '../../../native/sys/unix-socket.ts';
import { PlanBuilder } from '../../plan/builder.ts';
import { encodePlan } from '../../plan/encode.ts';
import { connectSystemd, type UnitRequest } from './units.ts';

/**
 * Makes a container's unit before the container. systemd wants a process for it and takes the unit away with the last one: a
 * process that only waits holds it until `release`, when the container's own are in its cgroup and the plan's steps have found
 * directory and limits there. The unit stays when one of them runs.
 */
export async function holdUnit(
  request: Omit<UnitRequest, 'pid'> & { readonly isRootless: boolean },
): Promise<{ release(): void }> {
  const holder = startHolder();
  try {
    const systemd = await connectSystemd(request);
    try {
      await systemd.start({ ...request, pid: holder.pid });
    } finally {
      systemd.close();
    }
    return holder;
  } catch (error) {
    holder.release();
    throw error;
  }
}

/** Descriptor of the report socket in a launcher that passes none on. */
const REPORT_FD = 3;

/** Waits for the other end of its socket to close. */
function startHolder(): { readonly pid: number; release(): void } {
  const plan = new PlanBuilder();
  plan.call('hold the unit', 'read', [REPORT_FD, new Uint8Array(8), 8]);
  plan.end();
  const planFd = memfd('wherry-plan', encodePlan(plan.build()));
  const [ours, theirs] = socketPair('seqpacket');
  try {
    const pid = launch({ reportFd: theirs, planFd, preserveFds: 0 });
    const release = (): void => {
      closeSync(ours);
      waitChild(pid, { block: true });
    };
    return { pid, release };
  } catch (error) {
    closeSync(ours);
    throw error;
  } finally {
    closeSync(theirs);
    closeSync(planFd);
  }
}
