import type { CgroupLayout } from './cgroup/layout.ts';
import type { PlanBuilder } from './plan/builder.ts';
import { AT_FDCWD, CLONE_INTO_CGROUP, O_CLOEXEC, O_DIRECTORY, O_PATH, SIGCHLD } from './plan/constants.ts';
import { CLONE_ARGS_BYTES, CLONE_ARGS_CGROUP, cloneArgs } from './plan/structs.ts';
import type { Slot } from './plan/types.ts';

/**
 * Forks the process that becomes the container's. On a host with a version 2 hierarchy it is born in its cgroup there: joining it
 * later would wait for an RCU grace period.
 */
export function forkInto(
  plan: PlanBuilder,
  options: {
    /** CLONE_NEW*. */
    readonly flags: number;
    readonly cgroups: CgroupLayout;
    /** Undefined: the cgroups are the caller's. */
    readonly cgroupsPath: string | undefined;
  },
): { readonly pid: Slot; readonly parent: () => void } {
  const { flags, cgroups, cgroupsPath } = options;
  if (cgroups.unified === undefined || cgroupsPath === undefined)
    return plan.fork('fork', cloneArgs(flags, SIGCHLD));
  const path = `${cgroups.unified}${cgroupsPath}`;
  const directory = plan.call(
    `open cgroup "${path}"`,
    'openat',
    [AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
    {
      save: true,
    },
  );
  const offset = plan.bytes(cloneArgs(BigInt(flags) | CLONE_INTO_CGROUP, SIGCHLD));
  const label = `fork into cgroup "${path}"`;
  plan.store(label, directory, offset + CLONE_ARGS_CGROUP, 8);
  const { pid, parent } = plan.fork(label, { offset, bytes: CLONE_ARGS_BYTES });
  // The host's cgroups are not for what becomes of the child.
  plan.call('close a descriptor', 'close', [directory]);
  return {
    pid,
    parent: () => {
      parent();
      plan.close(directory);
    },
  };
}
