import type { Process } from '../spec.ts';

/**
 * A further process as it was given, with what it does not say from the container's first one (as runc has it): its privileges,
 * limits, labels, priorities and umask. Who it is, where it is and what it runs are its own.
 */
export function inheritProcess(process: Process, from: Process): Process {
  const { umask } = from.user;
  const {
    capabilities,
    noNewPrivileges,
    apparmorProfile,
    selinuxLabel,
    rlimits,
    ioPriority,
    scheduler,
    execCPUAffinity,
  } = from;
  const inherited = definedOf({
    capabilities,
    noNewPrivileges,
    apparmorProfile,
    selinuxLabel,
    rlimits,
    ioPriority,
    scheduler,
    execCPUAffinity,
  });
  const own = definedOf(process);
  if (own.apparmorProfile === '') delete own.apparmorProfile;
  if (own.selinuxLabel === '') delete own.selinuxLabel;
  if (own.rlimits?.length === 0) delete own.rlimits;
  // A document without a user means root, as its zero value does in Go.
  const user = { uid: 0, gid: 0, ...(umask === undefined ? {} : { umask }), ...own.user };
  return { ...inherited, ...own, args: process.args, cwd: process.cwd, user };
}

/** Without what is undefined. */
const definedOf = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
