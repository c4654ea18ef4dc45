import { invalidArgument, notImplemented } from '../../common/errors.ts';

/** SECCOMP_RET_* (linux/seccomp.h) by the specification's names. */
const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0x0000_0000,
  SCMP_ACT_KILL_THREAD: 0x0000_0000,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};
const WITH_DATA: ReadonlySet<string> = new Set(['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE']);
const EPERM = 1;

export const ENOSYS_RETURN = 0x0005_0026;
export const KILL_RETURN = 0;

/** The filter's return value for an action, with its errno (EPERM unless given). */
export function returnOf(action: string, errnoRet: number | undefined): number {
  if (action === 'SCMP_ACT_NOTIFY')
    throw notImplemented('The seccomp action SCMP_ACT_NOTIFY is not supported');
  const value = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (value === undefined) throw invalidArgument(`invalid seccomp action: ${action}`);
  return WITH_DATA.has(action) ? value + ((errnoRet ?? EPERM) & 0xffff) : value;
}

/** SECCOMP_FILTER_FLAG_NEW_LISTENER: the call returns a descriptor for the filter's notifications. */
export const NEW_LISTENER = 8;

/** SECCOMP_FILTER_FLAG_* bits; without a list SPEC_ALLOW, as runc has it: no speculation mitigation is forced. */
const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};

export function flagsOf(names: readonly string[] | undefined): number {
  return (names ?? ['SECCOMP_FILTER_FLAG_SPEC_ALLOW']).reduce((bits, name) => {
    const bit = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
    if (bit === undefined) throw invalidArgument(`seccomp flag ${name} is not supported`);
    return bits | bit;
  }, 0);
}
