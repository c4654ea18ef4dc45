import { SECCOMP_ACTIONS, SECCOMP_FLAGS } from '../security/seccomp-actions.ts';
import { SECCOMP_OPERATORS } from '../security/seccomp-arguments.ts';
import { SECCOMP_ARCHITECTURES } from '../security/seccomp-table.ts';
import type { Seccomp } from '../spec.ts';
import {
  also,
  between,
  exact,
  knownProblem,
  list,
  object,
  oneOf,
  problem,
  text,
  texts,
  uint32,
  type Check,
  type Rule,
} from './check.ts';

type Syscall = NonNullable<Seccomp['syscalls']>[number];
type Argument = NonNullable<Syscall['args']>[number];

const action = oneOf(...SECCOMP_ACTIONS);

const argument = object<Argument>(
  {
    index: between(0, 5),
    // Rounded, they would be another filter. What compiles them takes both kinds.
    value: exact as Check<number>,
    valueTwo: exact as Check<number>,
    op: oneOf(...SECCOMP_OPERATORS),
  },
  { required: ['op'], zero: { index: 0, value: 0 } },
);

const WITH_ERRNO: ReadonlySet<string> = new Set(['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE']);

const syscall = also(
  object<Syscall>(
    { names: texts, action, errnoRet: uint32, args: list(argument) },
    { required: ['names', 'action'] },
  ),
  (rule, at, to) => {
    if (rule.names.includes('')) problem(to, `${at}.names`, 'empty string is not a valid syscall');
    if (rule.errnoRet !== undefined && !WITH_ERRNO.has(rule.action))
      problem(to, `${at}.errnoRet`, `${rule.action} has no errno`);
    // The filter's notification itself is sent by it (runc has the same rule).
    if (rule.action === 'SCMP_ACT_NOTIFY' && rule.names.includes('write'))
      knownProblem(to, at, 'SCMP_ACT_NOTIFY cannot be used for the write syscall');
  },
);

const seccompRule: Rule<Seccomp> = (profile, at, to) => {
  const { defaultAction, syscalls = [], listenerPath = '', listenerMetadata = '' } = profile;
  if (defaultAction === 'SCMP_ACT_NOTIFY')
    knownProblem(to, `${at}.defaultAction`, 'SCMP_ACT_NOTIFY cannot be used as default action');
  const notifies = syscalls.some((rule) => rule.action === 'SCMP_ACT_NOTIFY');
  if (notifies && listenerPath === '') problem(to, `${at}.listenerPath`, 'is required with SCMP_ACT_NOTIFY');
  if (listenerMetadata !== '' && listenerPath === '')
    problem(to, `${at}.listenerMetadata`, 'has no meaning without a listenerPath');
};

const profile = also(
  object<Seccomp>(
    {
      defaultAction: action,
      defaultErrnoRet: uint32,
      architectures: list(oneOf(...SECCOMP_ARCHITECTURES)),
      flags: list(oneOf(...SECCOMP_FLAGS)),
      listenerPath: text,
      listenerMetadata: text,
      syscalls: list(syscall),
    },
    { required: ['defaultAction'] },
  ),
  seccompRule,
);

/** A profile that says nothing at all is none. */
export const seccomp: Check<Seccomp> = (value, at, to) => {
  const { defaultAction, syscalls } = Object(value) as { defaultAction?: unknown; syscalls?: unknown };
  const isNone =
    (defaultAction ?? '') === '' &&
    ((syscalls ?? undefined) === undefined || (Array.isArray(syscalls) && syscalls.length === 0));
  return isNone && typeof value === 'object' && !Array.isArray(value) ? undefined : profile(value, at, to);
};
