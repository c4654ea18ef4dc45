import { invalidArgument } from '../../common/errors.ts';

/** SECCOMP_RET_* (linux/seccomp.h) by the specification's names. */
const ACTIONS = {
  SCMP_ACT_ALLOW: 0x7fff_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_KILL: 0x0000_0000,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_KILL_THREAD: 0x0000_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_NOTIFY: 0x7fc0_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
} as const satisfies Readonly<Record<string, number>>;
const WITH_DATA: ReadonlySet<string> = new Set(['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE']);
const EPERM = 1;

export const SECCOMP_ACTIONS: readonly string[] = Object.keys(ACTIONS);
export const NOTIFY = 'SCMP_ACT_NOTIFY';
export const ENOSYS_RETURN = 0x0005_0026;
export const KILL_RETURN = 0;

const isAction = (name: string): name is keyof typeof ACTIONS => Object.hasOwn(ACTIONS, name);

/** The filter's return value for an action, with its errno, or the data for a tracer (EPERM unless given). */
export function returnOf(action: string, errnoRet: number | undefined): number {
  if (!isAction(action)) throw invalidArgument(`string ${action} is not a valid action for seccomp`);
  const value = ACTIONS[action];
  return WITH_DATA.has(action) ? value + ((errnoRet ?? EPERM) & 0xffff) : value;
}

/** SECCOMP_FILTER_FLAG_NEW_LISTENER: the call returns a descriptor for the filter's notifications. */
export const NEW_LISTENER = 8;
const WAIT_KILLABLE_RECV = 32;

/** SECCOMP_FILTER_FLAG_* bits. The process has one thread: TSYNC is known, and nothing, as in runc. */
const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: WAIT_KILLABLE_RECV,
};
export const SECCOMP_FLAGS: readonly string[] = Object.keys(FLAGS);

/** Without a list SPEC_ALLOW, as runc has it: no speculation mitigation is forced. */
export function flagsOf(names: readonly string[] | undefined, notifies: boolean): number {
  const bits = (names ?? ['SECCOMP_FILTER_FLAG_SPEC_ALLOW']).reduce((all, name) => {
    const bit = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
    if (bit === undefined) throw invalidArgument(`seccomp flag ${name} is not supported`);
    return all | bit;
  }, 0);
  // How a listener is waited for means nothing without one, and the kernel refuses it.
  return notifies ? bits | NEW_LISTENER : bits & ~WAIT_KILLABLE_RECV;
}
