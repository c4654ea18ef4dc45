import { invalidArgument } from '../../common/errors.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import { rlimit64 } from '../plan/structs.ts';

/** RLIMIT_* by number (include/uapi/asm-generic/resource.h). */
export const RLIMITS: readonly string[] = [
  'RLIMIT_CPU',
  'RLIMIT_FSIZE',
  'RLIMIT_DATA',
  'RLIMIT_STACK',
  'RLIMIT_CORE',
  'RLIMIT_RSS',
  'RLIMIT_NPROC',
  'RLIMIT_NOFILE',
  'RLIMIT_MEMLOCK',
  'RLIMIT_AS',
  'RLIMIT_LOCKS',
  'RLIMIT_SIGPENDING',
  'RLIMIT_MSGQUEUE',
  'RLIMIT_NICE',
  'RLIMIT_RTPRIO',
  'RLIMIT_RTTIME',
];
const NOFILE = RLIMITS.indexOf('RLIMIT_NOFILE');
/** The kernel's default of fs.nr_open: what docker's service file gives a container. */
const DEFAULT_NOFILE = 1_048_576;

export interface Rlimit {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

/**
 * Sets the limits of the process that runs the plan. Node has raised the soft limit of open files to the hard one, so that one
 * is always set. Raising a hard limit without CAP_SYS_RESOURCE fails, as it does in runc.
 */
export function setRlimits(plan: PlanBuilder, rlimits: readonly Rlimit[]): void {
  if (!rlimits.some(({ type }) => type === 'RLIMIT_NOFILE')) {
    const limit = rlimit64({ soft: DEFAULT_NOFILE, hard: DEFAULT_NOFILE });
    plan.call('set RLIMIT_NOFILE to its default', 'prlimit64', [0, NOFILE, limit, 0], { ignore: ['EPERM'] });
  }
  for (const { type, soft, hard } of rlimits) {
    const number = numberOf(type);
    const limit = rlimit64({ soft: amount(soft), hard: amount(hard) });
    plan.call(`set ${type} to ${soft}:${hard}`, 'prlimit64', [0, number, limit, 0]);
  }
}

/**
 * In the parent, for a child in a user namespace, where nobody may raise a hard limit: raises those that the child is going to set,
 * as far as it may itself. Nothing runs in between that they would have held back.
 */
export function raiseRlimits(plan: PlanBuilder, rlimits: readonly Rlimit[]): void {
  for (const { type, hard } of rlimits) {
    const number = numberOf(type);
    const most = number === NOFILE ? BigInt(Math.max(DEFAULT_NOFILE, hard)) : UNLIMITED;
    const limit = rlimit64({ soft: most, hard: most });
    plan.call(`raise ${type}`, 'prlimit64', [0, number, limit, 0], { ignore: ['EPERM'] });
  }
}

function numberOf(type: string): number {
  const number = RLIMITS.indexOf(type);
  if (number < 0) throw invalidArgument(`wrong rlimit value: ${type}`);
  return number;
}

const UNLIMITED = 2n ** 64n - 1n;

/** -1 and what does not fit below 2^63 are RLIM_INFINITY. */
const amount = (value: number): bigint => (value < 0 || value >= 2 ** 63 ? UNLIMITED : BigInt(value));
