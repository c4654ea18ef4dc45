import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { WherryError } from '../../common/errors.ts';
import { createCgroups, joinCgroups } from '../cgroup/create.ts';
import type { ResolvedCgroups } from '../cgroup/contract.ts';
import { limitCgroups } from '../cgroup/limits.ts';
import { forkInto } from '../fork.ts';
import { PlanBuilder } from '../plan/builder.ts';
import {
  AT_FDCWD,
  CLOSE_RANGE_CLOEXEC,
  CLONE_NEW,
  MNT_DETACH,
  O_CLOEXEC,
  O_RDONLY,
  SIGCHLD,
} from '../plan/constants.ts';
import { cloneArgs } from '../plan/structs.ts';
import type { Plan, Slot } from '../plan/types.ts';
import { meet, reportForked } from '../report.ts';
import { isolateMounts, mountRoot } from '../rootfs/root.ts';
import { bindTarget } from '../rootfs/targets.ts';
import { attachMount } from '../rootfs/filesystem.ts';
import { cloneSource, isBind, parseMount } from '../rootfs/parse.ts';
import { ensureDirectory } from '../plan/paths.ts';
import type { Spec } from '../spec.ts';

/** Above what a plan opens, so that putting one into its place closes none. */
const FIRST_FD = 200;
const REPORT_FD = 3;
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = O_CLOEXEC;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** CRIU's number of the n-th of the `files` of `criuPlan`. */
export const passedFd = (index: number): number => FIRST_FD + 1 + index;

/** The program: `--criu`, or the one on PATH. Throws `unavailable` when there is none. */
export function findCriu(given = 'criu'): string {
  const candidates = given.includes('/')
    ? [resolve(given)]
    : (process.env['PATH'] ?? DEFAULT_PATH).split(':').map((directory) => join(directory, given));
  const found = candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new WherryError('unavailable', `cannot find CRIU: there is no ${given}`);
  return found;
}

export interface CriuProcess {
  /** Absolute. */
  readonly program: string;
  /** Directories and files that CRIU gets open, as `passedFd`. */
  readonly files?: readonly string[];
  /** For a restore: what the restored process inherits from CRIU. */
  readonly container?: {
    readonly spec: Spec;
    readonly rootfs: string;
    readonly cgroups: ResolvedCgroups | undefined;
    /** An empty directory of the host, where CRIU is to find the root as a mount. */
    readonly rootAt: string;
  };
}

/**
 * The plan of a CRIU process, with this command's stdio; it meets the command at `service`, with the other end of its service socket.
 * The socket is of its own making: CRIU looks for the directories among the descriptors of the process that made it, and they must
 * belong to its own mount namespace. For a restore it is in the container's cgroups, and that namespace is a new one: what is mounted
 * for CRIU goes with it.
 */
export function criuPlan({ program, files = [], container }: CriuProcess): Plan {
  const plan = new PlanBuilder();
  const { pid, parent } = fork(plan, container);
  if (container !== undefined) prepareRestore(plan, container);
  const passed = files.map((path) =>
    plan.call(`open "${path}"`, 'openat', [AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0], { save: true }),
  );
  const service = makeService(plan);
  plan.call('close on exec', 'close_range', [3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC]);
  [service, ...passed].forEach((fd, index) =>
    plan.call('place a descriptor', 'dup3', [fd, FIRST_FD + index, 0]),
  );
  plan.call('start a session', 'setsid', []);
  plan.call(`exec ${program}`, 'execve', [
    program,
    plan.strings(['criu', 'swrk', String(FIRST_FD)]),
    plan.strings(environment()),
  ]);
  parent();
  reportForked(plan, REPORT_FD, pid);
  plan.end();
  return plan.build();
}

/** Hands one end over to the command. */
function makeService(plan: PlanBuilder): Slot {
  const label = 'make the service socket';
  const offset = plan.bytes(new Uint8Array(8));
  plan.call(label, 'socketpair', [AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, { kind: 'blob', offset }]);
  const [service, command] = [plan.load(label, offset), plan.load(label, offset + 4)];
  meet(plan, REPORT_FD, { point: 'service', value: command });
  plan.close(command);
  return service;
}

function fork(
  plan: PlanBuilder,
  container: CriuProcess['container'],
): { readonly pid: Slot; readonly parent: () => void } {
  const cgroups = container?.cgroups;
  if (container === undefined || cgroups === undefined) return plan.fork('fork', cloneArgs(0, SIGCHLD));
  const { layout, path } = cgroups;
  createCgroups(plan, layout, path);
  limitCgroups(plan, { layout, path, resources: container.spec.linux.resources ?? {} });
  const forked = forkInto(plan, { flags: 0, cgroups: layout, cgroupsPath: path });
  joinCgroups(plan, layout, path);
  return forked;
}

/**
 * CRIU wants the root as a mount, and every mount point that the checkpointed container had: those are made as at creation, with the
 * binds in their places because a mount point may lie in one. Then the root is mounted anew, without them: CRIU mounts them.
 */
function prepareRestore(
  plan: PlanBuilder,
  { spec, rootfs, rootAt }: NonNullable<CriuProcess['container']>,
): void {
  plan.call('make a mount namespace', 'unshare', [CLONE_NEW.mount]);
  isolateMounts(plan, { propagation: 'slave', stagingDir: rootAt });
  plan.call('set no umask', 'umask', [0]);
  const draft = mountRoot(plan, { kind: 'directory', path: rootfs }, rootAt);
  makeMountPoints(plan, spec, draft);
  plan.close(draft);
  plan.call('unmount the draft', 'umount2', [rootAt, MNT_DETACH]);
  plan.close(mountRoot(plan, { kind: 'directory', path: rootfs }, rootAt));
  plan.call('set a umask', 'umask', [0o022]);
}

function makeMountPoints(plan: PlanBuilder, { mounts }: Spec, root: Slot): void {
  const temporary: string[] = [];
  for (const mount of mounts) {
    const parsed = parseMount(mount);
    const { destination: path, label, options } = parsed;
    // CRIU brings the content of a tmpfs, and cgroups are below one or below /sys.
    const isInside = temporary.some((directory) => path.startsWith(`${directory}/`));
    if (isInside || options.remount || mount.type === 'cgroup' || mount.type === 'cgroup2') continue;
    if (isBind(parsed)) {
      const mounted = cloneSource(plan, parsed);
      const target = bindTarget(plan, root, { path, mounted });
      attachMount(plan, mounted, { target, label });
      plan.close(target);
      plan.close(mounted);
      continue;
    }
    if (mount.type === 'tmpfs' || mount.type === 'proc' || mount.type === 'sysfs') temporary.push(path);
    plan.close(ensureDirectory(plan, root, path));
  }
}

const environment = (): string[] =>
  Object.entries(process.env)
    .filter(([name]) => name !== 'WHERRY_OPEN_FDS')
    .map(([name, value]) => `${name}=${value ?? ''}`);
