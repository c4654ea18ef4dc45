import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { Daemon } from '../lib/daemon.ts';
import { ownedProcesses } from '../lib/owned.ts';

/** PSS in KiB of each process whose command line names the daemon's directory and matches. */
export async function pssKib(daemon: Daemon, command: RegExp): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
      if (!line.includes(daemon.directory) || !command.test(line)) return undefined;
      return pssOf(pid);
    }),
  );
  return found.filter((size) => size !== undefined);
}

/** PSS in KiB of all that a daemon started, itself included. */
export async function ownedKib(daemon: Daemon): Promise<number> {
  const sizes = await Promise.all((await ownedProcesses(daemon)).map(({ pid }) => pssOf(pid)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function pssOf(pid: number | string): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
}

export async function availableKib(): Promise<number> {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1]);
}

const ENGINE = /wherryd|dockerd|containerd/;
const TICK_MS = 10;
/** Of /proc/PID/stat behind the name (man 5 proc): utime, stime, and those of children that have ended. */
const TIMES_AT = 11;

async function enginePids(daemon: Daemon): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => [pid, await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')] as const),
  );
  return lines
    .filter(([, line]) => line.includes(daemon.directory) && ENGINE.test(line) && !line.startsWith('nsenter'))
    .map(([pid]) => pid);
}

/** What the processor has done for the daemon and what it started, in milliseconds. */
export async function cpuMs(daemon: Daemon): Promise<number> {
  const pids = await enginePids(daemon);
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  const times = stats.flatMap((stat) =>
    stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(TIMES_AT, TIMES_AT + 4),
  );
  return times.reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS;
}

/** From here on `peakKib` counts. */
export async function resetPeak(daemon: Daemon): Promise<void> {
  // 5: the high-water mark (man 5 proc, /proc/PID/clear_refs).
  for (const pid of await enginePids(daemon)) await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => {});
}

/** The most that each process of the daemon had in memory, summed. */
export async function peakKib(daemon: Daemon): Promise<number> {
  const pids = await enginePids(daemon);
  const texts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')));
  return texts.reduce((sum, text) => sum + Number(/^VmHWM:\s+(\d+)/m.exec(text)?.[1] ?? 0), 0);
}
