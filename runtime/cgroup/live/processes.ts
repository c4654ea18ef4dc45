import { join } from 'node:path';
import { kill as sendSignal } from 'node:process';
import { AT_FDCWD, isErrno, unlinkAt } from '../../../native/sys/files.ts';
import { internal } from '../../../common/errors.ts';
import type { CgroupPlace } from '../contract.ts';
import { cgroupDirectories, hierarchyOf } from '../layout.ts';
import { childCgroups, codeOfErrno, pause, readCgroupFile, writeCgroupFile } from './files.ts';
import { freeze, thaw } from './freezer.ts';

/** What is killed may need a while to go. */
const TRIES = 100;
const PAUSE_MS = 20;

/**
 * Where a container's processes are looked up: one hierarchy has them all, since only the host may move them out of one. The
 * version 1 controller that no program inside can do without comes first.
 */
export function directoryOfProcesses({ layout, path }: CgroupPlace): string | undefined {
  const hierarchy = hierarchyOf(layout, 'devices') ?? layout.hierarchies[0];
  const mountPoint = hierarchy?.mountPoint ?? layout.unified;
  return mountPoint === undefined ? undefined : `${mountPoint}${path}`;
}

/** Every process of the container, in this process's pid namespace, each once; those of cgroups that it made itself too. */
export async function processes(place: CgroupPlace): Promise<number[]> {
  const directory = directoryOfProcesses(place);
  return directory === undefined ? [] : [...new Set(await pidsIn(directory))];
}

async function pidsIn(directory: string): Promise<number[]> {
  const [own, children] = await Promise.all([readPids(directory), childCgroups(directory)]);
  const below = await Promise.all(children.map(async (name) => pidsIn(join(directory, name))));
  return [...own, ...below.flat()];
}

async function readPids(directory: string): Promise<number[]> {
  const text = await readCgroupFile(`${directory}/cgroup.procs`).catch(async (error: unknown) => {
    // A threaded cgroup has no processes of its own to show.
    if (codeOfErrno(error) === 'ENOTSUP' || codeOfErrno(error) === 'EOPNOTSUPP')
      return readCgroupFile(`${directory}/cgroup.threads`);
    throw error;
  });
  return (text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number)
    .filter((pid) => pid > 0);
}

/**
 * Sends a signal to every process of the container. While they are signalled they are frozen, so that none is missed that
 * another one makes meanwhile; one that was paused stays so, but for SIGKILL, which it would otherwise ignore on version 1.
 */
export async function signalAll(
  place: CgroupPlace,
  { signal, isPaused }: { readonly signal: number; readonly isPaused: boolean },
): Promise<void> {
  if (signal === SIGKILL) {
    await kill(place);
    return;
  }
  if (!isPaused) await freeze(place).catch(() => {});
  try {
    for (const pid of await processes(place)) signalOne(pid, signal);
  } finally {
    if (!isPaused) await thaw(place);
  }
}

const SIGKILL = 9;

function signalOne(pid: number, signal: number): void {
  try {
    sendSignal(pid, signal);
  } catch (error) {
    if (codeOfErrno(error) !== 'ESRCH') throw error;
  }
}

/** So long the kernel is left to kill by itself. */
const TRIES_OF_KERNEL = 5;

/**
 * Kills every process of the container and resolves when all are gone, as far as they go. On the version 2 hierarchy the kernel
 * does it at once (5.14); without one by pid: all frozen, all killed, all thawed to die, again until none is left.
 */
export async function kill(place: CgroupPlace): Promise<void> {
  const { layout, path } = place;
  const byKernel =
    layout.unified !== undefined && (await writeCgroupFile(`${layout.unified}${path}/cgroup.kill`, '1'));
  // What is frozen dies when it goes on; and nobody else would thaw an empty one.
  await thaw(place);
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const pids = await processes(place);
    if (pids.length === 0) return;
    if (!byKernel || attempt >= TRIES_OF_KERNEL) {
      await freeze(place).catch(() => {});
      for (const pid of await processes(place)) signalOne(pid, SIGKILL);
      await thaw(place);
    }
    await pause(attempt === 0 ? 1 : PAUSE_MS);
  }
}

/**
 * Removes the container's cgroup from every hierarchy, with those that it made below. What is not there is no error. Waits for
 * processes that are just ending, for at most two seconds; throws `container's cgroup is not empty` when one stays.
 */
export async function remove({ layout, path }: CgroupPlace): Promise<void> {
  await Promise.all(cgroupDirectories(layout, path).map(async (directory) => removeTree(directory)));
}

async function removeTree(directory: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    // Not by libuv's threads: no disk is behind it, and waking a thread costs three times the call.
    try {
      unlinkAt(AT_FDCWD, directory, true);
      return;
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return;
      if (!isErrno(error, 'EBUSY')) throw error;
      if (attempt === TRIES)
        throw internal(`container's cgroup is not empty: ${directory}`, { cause: error });
    }
    const children = await childCgroups(directory);
    await Promise.all(children.map(async (name) => removeTree(join(directory, name))));
    if (children.length === 0) await pause(PAUSE_MS);
  }
}
