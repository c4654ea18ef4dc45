import { invalidArgument } from '../common/errors.ts';
import type { PlanBuilder, Value } from './plan/builder.ts';
import {
  AT_FDCWD,
  CLONE_NEW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  PR_SET_PDEATHSIG,
  SIGCHLD,
} from './plan/constants.ts';
import { writeFile } from './plan/paths.ts';
import { cloneArgs } from './plan/structs.ts';
import type { Slot } from './plan/types.ts';
import type { IdMapping } from './spec.ts';

export interface IdMappings {
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
}

/** The kernel's UID_GID_MAP_MAX_EXTENTS; and one write of less than a page (kernel/user_namespace.c, map_write). */
const MAX_EXTENTS = 340;
const MAX_BYTES = 4095;
const SIGKILL = 9;

/** A line a mapping (man 7 user_namespaces). Throws `invalid-argument` for more than the kernel takes: nothing is truncated. */
function mapText(kind: 'uid' | 'gid', mappings: readonly IdMapping[]): string {
  const text = mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
  if (mappings.length > MAX_EXTENTS || Buffer.byteLength(text) > MAX_BYTES) {
    throw invalidArgument(
      `There are ${mappings.length} ${kind} mappings of ${text.length} bytes, the kernel takes ${MAX_EXTENTS} and ${MAX_BYTES}`,
    );
  }
  return text;
}

/** Writes the maps of a process that was just cloned with CLONE_NEWUSER; runs in its parent, with the parent's privilege. */
export function writeMappings(plan: PlanBuilder, pid: Slot, mappings: IdMappings): void {
  const directory = openProcess(plan, pid);
  for (const [file, text] of [
    ['uid_map', mapText('uid', mappings.uidMappings)],
    ['gid_map', mapText('gid', mappings.gidMappings)],
  ] as const) {
    if (text === '') continue;
    writeFile(plan, file, { dirfd: directory, text, label: `write ${file} ${JSON.stringify(text)}` });
  }
  plan.close(directory);
}

/** `/proc/<pid>` of the host's procfs. */
function openProcess(plan: PlanBuilder, pid: Slot): Slot {
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const proc = plan.call('open "/proc"', 'openat', [AT_FDCWD, '/proc', flags, 0], { save: true });
  const name: Value = plan.text('name the process', pid);
  const directory = plan.call('open the directory of the process', 'openat', [proc, name, flags, 0], {
    save: true,
  });
  plan.close(proc);
  return directory;
}

/**
 * A descriptor of a user namespace with these mappings, in which nobody lives: for idmapped mounts (man 2 mount_setattr). A
 * process is born into it, held until the maps are written, and killed.
 */
export function userNamespaceOf(plan: PlanBuilder, mappings: IdMappings): Slot {
  const { pid, parent } = plan.fork(
    'fork into a user namespace for mappings',
    cloneArgs(CLONE_NEW.user, SIGCHLD),
  );
  plan.call('end with the parent', 'prctl', [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0]);
  plan.call('wait for the end', 'ppoll', [0, 0, 0, 0, 0]);
  plan.end();
  parent();
  writeMappings(plan, pid, mappings);
  const directory = openProcess(plan, pid);
  const namespace = plan.call(
    'open the user namespace',
    'openat',
    [directory, 'ns/user', O_RDONLY | O_CLOEXEC, 0],
    { save: true },
  );
  plan.close(directory);
  plan.call('end its process', 'kill', [pid, SIGKILL]);
  plan.call('wait for its process', 'wait4', [pid, 0, 0, 0]);
  plan.free(pid);
  return namespace;
}

/**
 * Holds a child that was cloned into a user namespace until its parent has written the mappings. It fails with EPIPE when the parent
 * has failed. To be called before the fork.
 */
export function holdForMappings(plan: PlanBuilder): {
  readonly inChild: (plan: PlanBuilder) => void;
  readonly inParent: (plan: PlanBuilder, pid: Slot, mappings: IdMappings) => void;
} {
  const ends = plan.bytes(new Uint8Array(8));
  const label = 'make a pipe for the mappings';
  plan.call(label, 'pipe2', [{ kind: 'blob', offset: ends }, O_CLOEXEC]);
  const [reading, writing] = [plan.load(label, ends), plan.load(label, ends + 4)];
  return {
    inChild: () => {
      plan.call('close a descriptor', 'close', [writing]);
      plan.call('wait for the mappings', 'read', [reading, new Uint8Array(8), 1], { zeroFails: true });
      plan.call('close a descriptor', 'close', [reading]);
    },
    inParent: (to, pid, mappings) => {
      to.close(reading);
      writeMappings(to, pid, mappings);
      to.call('say that the mappings stand', 'write', [writing, '1', 1]);
      to.close(writing);
    },
  };
}

/** From the unmapped user to the namespace's root, so that what is made belongs to it. */
export function becomeRootInside(plan: PlanBuilder): void {
  plan.call('drop groups', 'setgroups', [0, 0], { ignore: ['EPERM'] });
  plan.call('become group 0 of the user namespace', 'setresgid', [0, 0, 0]);
  plan.call('become user 0 of the user namespace', 'setresuid', [0, 0, 0]);
}
