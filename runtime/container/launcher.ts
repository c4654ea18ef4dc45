import { closeSync } from 'node:fs';
import { internal } from '../../common/errors.ts';
import { launch } from '../../native/ffi/launch.ts';
import { errnoName } from '../../native/ffi/syscall.ts';
import { memfd } from '../../native/sys/memory-file.ts';
import { pidfdGetFd, pidfdOpen } from '../../native/sys/pidfd.ts';
import { waitChild } from '../../native/sys/reap.ts';
import { receive, sendWithFd, socketPair } from '../../native/sys/unix-socket.ts';
import { encodePlan } from '../plan/encode.ts';
import { explainFailure } from '../plan/explain.ts';
import type { Plan } from '../plan/types.ts';
import { ANSWER, parseReport, REPORT_BYTES, type Report, type SyncPoint } from '../report.ts';

export interface LaunchEvents {
  /** The process that became the container's (or the exec's); its parent, the launcher, is gone. */
  onForked?(pid: number): void;
  /** It waits. `take` fetches the descriptor that it offers; the caller closes it. */
  onSync?(point: SyncPoint, take: () => number): void;
}

/** The step of a failure before the first one: a plan that does not load. */
const NO_STEP = 0xffff_ffff;

/**
 * Runs a plan in a launcher with this command's stdio, and returns once its process is ready: for one that waits for `start`, when
 * all that may fail is done; else when it executes its program. Undefined: the plan made no process. Holds the thread.
 *
 * Throws the plan's failure (`explainFailure`), with the process gone, and what an event throws, with the process killed.
 */
export function runPlan(
  plan: Plan,
  options: { readonly preserveFds?: number; readonly waits?: boolean; readonly events?: LaunchEvents } = {},
): number | undefined {
  const { preserveFds = 0, waits = false, events = {} } = options;
  const planFd = memfd('wherry-plan', encodePlan(plan));
  const [ours, theirs] = socketPair('seqpacket');
  const forked: { pid?: number } = {};
  let launcher: number | undefined;
  try {
    launcher = launch({ reportFd: theirs, planFd, preserveFds });
    closeSync(theirs);
    follow(plan, { socket: ours, launcher, forked, waits, events });
    return forked.pid;
  } catch (error) {
    if (forked.pid !== undefined) killQuietly(forked.pid);
    throw error;
  } finally {
    closeSync(planFd);
    closeSync(ours);
    if (launcher !== undefined) waitChild(launcher, { block: true });
  }
}

function follow(
  plan: Plan,
  context: {
    readonly socket: number;
    readonly launcher: number;
    readonly forked: { pid?: number };
    readonly waits: boolean;
    readonly events: LaunchEvents;
  },
): void {
  const { socket, launcher, forked, waits, events } = context;
  const packet = Buffer.alloc(REPORT_BYTES);
  /** The child may be faster than its parent's report. */
  let early: Extract<Report, { kind: 'sync' | 'ready' }> | undefined;
  const answer = (report: Extract<Report, { kind: 'sync' }>): void => {
    meet(report, forked.pid, events);
    sendWithFd(socket, ANSWER);
  };
  for (;;) {
    const report = parseReport(packet.subarray(0, receive(socket, packet)));
    switch (report.kind) {
      case 'forked':
        forked.pid = report.pid;
        // From here on the process is its caller's child, or ours if we are the subreaper.
        waitChild(launcher, { block: true });
        events.onForked?.(report.pid);
        if (early?.kind === 'ready' && waits) return;
        if (early?.kind === 'sync') answer(early);
        break;
      case 'sync':
        if (forked.pid === undefined) early = report;
        else answer(report);
        break;
      case 'ready':
        if (forked.pid === undefined) early = report;
        else if (waits) return;
        break;
      case 'failed':
        if (report.step === NO_STEP)
          throw internal(`Cannot load the launch plan: ${errnoName(report.errno)}`);
        throw explainFailure(plan, report);
      case 'closed':
        return;
    }
  }
}

function meet(
  { point, value }: { readonly point: SyncPoint; readonly value: number },
  pid: number | undefined,
  events: LaunchEvents,
): void {
  if (pid === undefined) throw internal(`A process that nobody forked waits at ${point}`);
  events.onSync?.(point, () => {
    const pidfd = pidfdOpen(pid);
    try {
      return pidfdGetFd(pidfd, value);
    } finally {
      closeSync(pidfd);
    }
  });
}

/** Nobody else can have its number: it is not reaped, or was so a moment ago. */
function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
