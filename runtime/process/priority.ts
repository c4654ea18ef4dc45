import { invalidArgument } from '../../common/errors.ts';
import { Label, type PlanBuilder } from '../plan/builder.ts';
import type { Linux, Process, Scheduler } from '../spec.ts';

/** SCHED_* by number (include/uapi/linux/sched.h). */
const POLICIES: readonly Scheduler['policy'][] = [
  'SCHED_OTHER',
  'SCHED_FIFO',
  'SCHED_RR',
  'SCHED_BATCH',
  'SCHED_ISO',
  'SCHED_IDLE',
  'SCHED_DEADLINE',
];
/** SCHED_FLAG_* by bit. */
const FLAGS: readonly string[] = [
  'SCHED_FLAG_RESET_ON_FORK',
  'SCHED_FLAG_RECLAIM',
  'SCHED_FLAG_DL_OVERRUN',
  'SCHED_FLAG_KEEP_POLICY',
  'SCHED_FLAG_KEEP_PARAMS',
  'SCHED_FLAG_UTIL_CLAMP_MIN',
  'SCHED_FLAG_UTIL_CLAMP_MAX',
];
const SCHED_ATTR_BYTES = 56;

/** Scheduling policy (man 2 sched_setattr), while the privilege for it is there. Throws `invalid-argument` for unknown names. */
export function setScheduler(plan: PlanBuilder, process: Process, linux: Linux): void {
  const { scheduler } = process;
  if (scheduler === undefined) return;
  const label = `set scheduler ${scheduler.policy}`;
  const [done, refused] = [new Label(), new Label()];
  const hasCpus = (linux.resources?.cpu?.cpus ?? '') !== '';
  plan.call(label, 'sched_setattr', [0, schedulerAttributes(scheduler), 0], {
    // A deadline is admitted on all cpus or none.
    ...(hasCpus ? { ignore: ['EPERM'], onOk: done, onIgnored: refused } : {}),
  });
  if (!hasCpus) return;
  plan.here(refused);
  plan.fail("process scheduler can't be used together with AllowedCPUs", 'EPERM');
  plan.here(done);
}

/** struct sched_attr. */
function schedulerAttributes(scheduler: Scheduler): Uint8Array {
  const { policy, flags = [], nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
  const number = POLICIES.indexOf(policy);
  if (number < 0) throw invalidArgument(`invalid scheduler policy: ${policy}`);
  const bits = flags.map((flag) => {
    const bit = FLAGS.indexOf(flag);
    if (bit < 0) throw invalidArgument(`invalid scheduler flag: ${flag}`);
    return 1 << bit;
  });
  const view = new DataView(new ArrayBuffer(SCHED_ATTR_BYTES));
  view.setUint32(0, SCHED_ATTR_BYTES, true);
  view.setUint32(4, number, true);
  view.setBigUint64(8, BigInt(bits.reduce((all, bit) => all | bit, 0)), true);
  view.setInt32(16, nice, true);
  view.setUint32(20, priority, true);
  [runtime, deadline, period].forEach((ns, index) => view.setBigUint64(24 + 8 * index, BigInt(ns), true));
  return new Uint8Array(view.buffer);
}

const IO_CLASSES: Readonly<Record<string, number>> = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
};
const IOPRIO_CLASS_SHIFT = 13;
const IOPRIO_WHO_PROCESS = 1;

/** man 2 ioprio_set. */
export function setIoPriority(plan: PlanBuilder, process: Process): void {
  const { ioPriority } = process;
  if (ioPriority === undefined) return;
  const { class: name, priority = 0 } = ioPriority;
  const number = Object.hasOwn(IO_CLASSES, name) ? IO_CLASSES[name] : undefined;
  if (number === undefined) throw invalidArgument(`invalid io priority class: ${name}`);
  const value = (number << IOPRIO_CLASS_SHIFT) | priority;
  plan.call(`set io priority ${name} ${priority}`, 'ioprio_set', [IOPRIO_WHO_PROCESS, 0, value]);
}

/** linux/personality.h. */
const DOMAINS: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };

/** man 2 personality; its flags are none that the specification defines. */
export function setPersonality(plan: PlanBuilder, { personality }: Linux): void {
  if (personality === undefined) return;
  const { domain } = personality;
  const number = Object.hasOwn(DOMAINS, domain) ? DOMAINS[domain] : undefined;
  if (number === undefined) throw invalidArgument(`invalid personality domain ${domain}`);
  plan.call(`set personality ${domain}`, 'personality', [number]);
}
