import { readdir, readFile, readlink, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { kill } from 'node:process';
import type { Place } from './place.ts';
import { eventually } from './process.ts';

export interface Owned {
  readonly pid: number;
  readonly command: string;
}

const CGROUPS = '/sys/fs/cgroup';

/**
 * Every process that belongs to a daemon: shims share its network namespace, containers stand in its cgroups. Found
 * without asking the daemon, so that a forgotten one is found too. The keeper of the namespace is one of them.
 */
export async function ownedProcesses(place: Place): Promise<Owned[]> {
  const netns = await readlink(`/proc/${place.netnsPid}/ns/net`).catch(() => undefined);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const owned = await Promise.all(
    pids.map(async (pid) => ((await belongs(pid, netns, place.cgroupParent)) ? describe(pid) : undefined)),
  );
  return owned.filter((found) => found !== undefined);
}

async function belongs(pid: string, netns: string | undefined, cgroupParent: string): Promise<boolean> {
  const [net, cgroups] = await Promise.all([
    readlink(`/proc/${pid}/ns/net`).catch(() => ''),
    readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''),
  ]);
  return (netns !== undefined && net === netns) || cgroups.includes(`${cgroupParent}/`);
}

async function describe(pid: string): Promise<Owned | undefined> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined
    ? undefined
    : { pid: Number(pid), command: command.replaceAll('\0', ' ').trim() };
}

/** Kills these and waits until they are gone or reaped by somebody. */
export async function endProcesses(processes: readonly Owned[]): Promise<void> {
  for (const { pid } of processes) {
    try {
      kill(pid, 'SIGKILL');
    } catch {
      // It ended in the meantime.
    }
  }
  await eventually('the processes ended', async () => {
    const states = await Promise.all(processes.map(({ pid }) => stateOf(pid)));
    return states.every((state) => state === undefined || state === 'Z');
  });
}

async function stateOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(')') + 2)[0];
}

/** The directories below a parent cgroup in every hierarchy, deepest first, the parent itself last. */
export async function cgroupsBelow(parent: string): Promise<string[]> {
  const hierarchies = await readdir(CGROUPS, { withFileTypes: true });
  const roots = [
    CGROUPS,
    ...hierarchies.filter((entry) => entry.isDirectory()).map((entry) => join(CGROUPS, entry.name)),
  ];
  const found = await Promise.all(roots.map((root) => subtree(join(root, parent))));
  return found.flat();
}

async function subtree(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => subtree(join(directory, entry.name))),
  );
  return [...below.flat(), directory];
}

export async function removeCgroups(parent: string): Promise<void> {
  for (const directory of await cgroupsBelow(parent)) {
    await eventually(`${directory} is removed`, () =>
      rmdir(directory).then(
        () => true,
        (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
      ),
    );
  }
}
