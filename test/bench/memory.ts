import { readdir, readFile } from 'node:fs/promises';
import type { Daemon } from '../lib/daemon.ts';

/** PSS in KiB of each process whose command line names the daemon's directory and matches. */
export async function pssKib(daemon: Daemon, command: RegExp): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
      if (!line.includes(daemon.directory) || !command.test(line)) return undefined;
      const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
      return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    }),
  );
  return found.filter((size) => size !== undefined);
}

export async function availableKib(): Promise<number> {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1]);
}
