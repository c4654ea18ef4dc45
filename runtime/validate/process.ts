import { messageOf } from '../../common/errors.ts';
import { cpuMask } from '../process/affinity.ts';
import { RLIMITS } from '../process/rlimits.ts';
import type { Capabilities, Process, Scheduler } from '../spec.ts';
import {
  also,
  between,
  flag,
  int32,
  knownProblem,
  list,
  object,
  oneOf,
  problem,
  shown,
  text,
  texts,
  uint16,
  uint32,
  uint64,
  safe,
  type Check,
  type Findings,
  type Rule,
} from './check.ts';
import { id } from './common.ts';
import { hasAppArmor, hasSelinux } from './host.ts';

type Rlimit = NonNullable<Process['rlimits']>[number];

const user = object<Process['user']>(
  { uid: id, gid: id, umask: uint32, additionalGids: list(id) },
  { zero: { uid: 0, gid: 0 } },
);

const consoleSize = object<NonNullable<Process['consoleSize']>>(
  { height: uint16, width: uint16 },
  { zero: { height: 0, width: 0 } },
);

const capabilities: Check<Capabilities> = object<Capabilities>({
  bounding: texts,
  effective: texts,
  inheritable: texts,
  permitted: texts,
  ambient: texts,
});

const rlimitType: Check<string> = (value, at, to) =>
  RLIMITS.find((name) => name === value) ??
  knownProblem(to, at, `wrong rlimit value: ${typeof value === 'string' ? value : shown(value)}`);

const rlimits: Check<Rlimit[]> = also(
  list(
    object<Rlimit>(
      { type: rlimitType, soft: uint64, hard: uint64 },
      { required: ['type'], zero: { soft: 0, hard: 0 } },
    ),
  ),
  (limits, at, to) => {
    const seen = new Set<string>();
    for (const { type, soft, hard } of limits) {
      if (seen.has(type)) problem(to, at, `${type} is there twice`);
      seen.add(type);
      if (soft > hard) problem(to, at, `the soft limit ${soft} of ${type} is above the hard one ${hard}`);
    }
  },
);

const POLICY_WITH_NICE: ReadonlySet<string> = new Set(['SCHED_OTHER', 'SCHED_BATCH']);
const POLICY_WITH_PRIORITY: ReadonlySet<string> = new Set(['SCHED_FIFO', 'SCHED_RR']);

/** man 2 sched_setattr. */
const schedulerRule: Rule<Scheduler> = (scheduler, at, to) => {
  const { policy, nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
  if (POLICY_WITH_NICE.has(policy) && (nice < -20 || nice > 19))
    knownProblem(to, at, `invalid scheduler.nice: ${nice} when scheduler.policy is ${policy}`);
  if (priority !== 0 && !POLICY_WITH_PRIORITY.has(policy))
    knownProblem(to, at, 'scheduler.priority can only be specified for SchedFIFO or SchedRR policy');
  if (policy !== 'SCHED_DEADLINE' && (runtime !== 0 || deadline !== 0 || period !== 0))
    knownProblem(to, at, 'scheduler runtime/deadline/period can only be specified for SchedDeadline policy');
};

const scheduler: Check<Scheduler> = also(
  object<Scheduler>(
    {
      policy: oneOf(
        'SCHED_OTHER',
        'SCHED_FIFO',
        'SCHED_RR',
        'SCHED_BATCH',
        'SCHED_ISO',
        'SCHED_IDLE',
        'SCHED_DEADLINE',
      ),
      nice: int32,
      priority: int32,
      flags: list(
        oneOf(
          'SCHED_FLAG_RESET_ON_FORK',
          'SCHED_FLAG_RECLAIM',
          'SCHED_FLAG_DL_OVERRUN',
          'SCHED_FLAG_KEEP_POLICY',
          'SCHED_FLAG_KEEP_PARAMS',
          'SCHED_FLAG_UTIL_CLAMP_MIN',
          'SCHED_FLAG_UTIL_CLAMP_MAX',
        ),
      ),
      runtime: safe,
      deadline: safe,
      period: safe,
    },
    { required: ['policy'] },
  ),
  schedulerRule,
);

type IoPriority = NonNullable<Process['ioPriority']>;
const IO_CLASSES = ['IOPRIO_CLASS_RT', 'IOPRIO_CLASS_BE', 'IOPRIO_CLASS_IDLE'] as const;

const ioClass: Check<IoPriority['class']> = (value, at, to) =>
  IO_CLASSES.find((name) => name === value) ??
  knownProblem(to, at, `invalid ioPriority.Class: ${shown(value)}`);

const ioPriority: Check<IoPriority> = also(
  object<IoPriority>({ class: ioClass, priority: int32 }, { required: ['class'] }),
  ({ priority = 0 }, at, to) => {
    if (priority < 0 || priority > 7) knownProblem(to, at, `invalid ioPriority.Priority: ${priority}`);
  },
);

const affinity: Check<string> = also(text, (value, at, to) => {
  try {
    cpuMask(value);
  } catch (error) {
    knownProblem(to, at, messageOf(error));
  }
});

const environment: Check<string[]> = also(texts, (variables, at, to) => {
  variables.forEach((variable, index) => {
    const equals = variable.indexOf('=');
    if (equals > 0) return;
    const lack = equals < 0 ? "missing '='" : 'name cannot be empty';
    knownProblem(to, `${at}[${index}]`, `invalid environment variable: ${lack}`);
  });
});

const cwd: Check<string> = also(text, (path, at, to) => {
  if (path === '') knownProblem(to, at, 'Cwd property must not be empty');
  else if (!path.startsWith('/')) knownProblem(to, at, 'Cwd must be an absolute path');
});

const programArguments: Check<string[]> = also(texts, (args, at, to) => {
  if (args.length === 0) knownProblem(to, at, 'args must not be empty');
});

/** Three quarters of the kernel's _STK_LIM (fs/exec.c, bprm_set_stack_limit), whatever the limits of the process are. */
const MAX_EXEC_BYTES = 6 << 20;
const POINTER_BYTES = 8;

function checkLength({ args, env = [] }: Process, at: string, to: Findings): void {
  const bytes = [...args, ...env].reduce((sum, each) => sum + Buffer.byteLength(each) + 1 + POINTER_BYTES, 0);
  if (bytes > MAX_EXEC_BYTES)
    problem(
      to,
      at,
      `arguments and environment take ${bytes} bytes, the kernel takes ${MAX_EXEC_BYTES}: argument list too long`,
    );
}

const processRule: Rule<Process> = (process, at, to) => {
  const { apparmorProfile = '', selinuxLabel = '' } = process;
  checkLength(process, at, to);
  if (apparmorProfile !== '' && !hasAppArmor())
    knownProblem(to, `${at}.apparmorProfile`, 'apparmor: config provided but apparmor not supported');
  if (selinuxLabel !== '' && !hasSelinux())
    knownProblem(
      to,
      `${at}.selinuxLabel`,
      'selinux label is specified in config, but selinux is disabled or not supported',
    );
};

/** runtime-spec config.md, "Process". Names of capabilities are another matter: unknown ones are left out. */
export const process: Check<Process> = also(
  object<Process>(
    {
      terminal: flag,
      consoleSize,
      user,
      args: programArguments,
      env: environment,
      cwd,
      capabilities,
      rlimits,
      noNewPrivileges: flag,
      oomScoreAdj: between(-1000, 1000),
      apparmorProfile: text,
      selinuxLabel: text,
      scheduler,
      ioPriority,
      execCPUAffinity: object<NonNullable<Process['execCPUAffinity']>>({
        initial: affinity,
        final: affinity,
      }),
    },
    { zero: { user: { uid: 0, gid: 0 }, args: [], cwd: '' } },
  ),
  processRule,
);
