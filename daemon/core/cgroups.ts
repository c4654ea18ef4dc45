import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kill } from 'node:process';
import { AT_FDCWD, isErrno, unlinkAt } from '../../native/sys/files.ts';
import type { Container } from './contract.ts';
import type { EngineOptions } from './options.ts';
import { cgroupDirectories, hierarchyOf, type CgroupLayout } from '../../runtime/cgroup/layout.ts';

/** A cgroup that was just emptied may be busy until the kernel has let go of its last process. */
const TRIES = 100;
const PAUSE_MS = 20;

/** `<parent>/<id>`, below each controller. */
function cgroupPath(parent: string, id: string): string {
  const absolute = parent.startsWith('/') ? parent : `/${parent}`;
  return `${absolute === '/' ? '' : absolute.replace(/\/+$/, '')}/${id}`;
}

/** Where a container's cgroup is. */
export const cgroupPathOf = (
  { config }: Pick<EngineOptions, 'config'>,
  container: Pick<Container, 'id' | 'config'>,
): string => cgroupPath(container.config.host.resources.cgroupParent || config.cgroupParent, container.id);

/** Where the kernel counts out-of-memory kills of a cgroup; undefined without a memory controller. */
export function oomFileOf(layout: CgroupLayout, path: string): string | undefined {
  const memory = hierarchyOf(layout, 'memory');
  if (memory !== undefined) return `${memory.mountPoint}${path}/memory.oom_control`;
  return layout.unified === undefined ? undefined : `${layout.unified}${path}/memory.events`;
}

/**
 * Removes a container's cgroup from every hierarchy, with those that the container made below it. What is not there is no error.
 * Throws EBUSY when a process stays in it.
 */
export async function removeCgroup(layout: CgroupLayout, path: string): Promise<void> {
  await Promise.all(cgroupDirectories(layout, path).map((directory) => removeTree(directory)));
}

async function removeTree(directory: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    // Not by libuv's threads: no disk is behind it, and waking a thread costs three times the call.
    try {
      unlinkAt(AT_FDCWD, directory, true);
      return;
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return;
      if (!isErrno(error, 'EBUSY') || attempt === TRIES) throw error;
    }
    const children = await childrenOf(directory);
    await Promise.all(children.map((name) => removeTree(join(directory, name))));
    if (children.length === 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function childrenOf(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Kills every process in a container's cgroup, for one whose shim is gone. On the version 2 hierarchy the kernel does it at
 * once; without one, by the pids that the cgroup names, until none is left.
 */
export async function killCgroup(layout: CgroupLayout, path: string): Promise<void> {
  if (layout.unified !== undefined && (await writeKill(`${layout.unified}${path}/cgroup.kill`))) return;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const pids = await processesIn(layout, path);
    if (pids.length === 0) return;
    for (const pid of pids) killProcess(pid);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** False when there is no such file: no cgroup, or a kernel before 5.14. */
async function writeKill(path: string): Promise<boolean> {
  try {
    await writeFile(path, '1', { flag: 'r+' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function killProcess(pid: number): void {
  try {
    kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function processesIn(layout: CgroupLayout, path: string): Promise<number[]> {
  const lists = await Promise.all(
    cgroupDirectories(layout, path).map((directory) =>
      readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => ''),
    ),
  );
  return [...new Set(lists.flatMap((list) => list.split('\n')).filter((line) => line !== ''))].map(Number);
}
