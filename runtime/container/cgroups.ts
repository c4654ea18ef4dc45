import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { internal } from '../../common/errors.ts';
import { cgroupDirectories, type CgroupLayout } from '../cgroup/layout.ts';
import type { CgroupPlace, Settings } from './contract.ts';

const TRIES = 100;
const PAUSE_MS = 10;

export function placeCgroups(
  { driver }: Pick<Settings, 'driver'>,
  { id, cgroupsPath = id }: { readonly id: string; readonly cgroupsPath: string | undefined },
): CgroupPlace {
  if (driver === 'disabled') return { driver, path: undefined, unit: undefined };
  return { driver, path: join('/', cgroupsPath), unit: undefined };
}

export async function killCgroups(layout: CgroupLayout, path: string): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const pids = cgroupDirectories(layout, path).flatMap((directory) => {
      const file = join(directory, 'cgroup.procs');
      return existsSync(file)
        ? readFileSync(file, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
        : [];
    });
    const thaw = cgroupDirectories(layout, path).map((directory) => join(directory, 'freezer.state'));
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // gone
      }
    }
    for (const file of thaw) if (existsSync(file)) writeFileSync(file, 'THAWED');
    await sleep(PAUSE_MS);
  }
}

export async function removeCgroups(layout: CgroupLayout, path: string): Promise<void> {
  for (const directory of cgroupDirectories(layout, path)) await removeTree(directory);
}

async function removeTree(directory: string): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    if (!existsSync(directory)) return;
    for (const entry of readdirSync(directory, { withFileTypes: true }))
      if (entry.isDirectory()) await removeTree(join(directory, entry.name));
    try {
      rmdirSync(directory);
      return;
    } catch {
      await sleep(PAUSE_MS);
    }
  }
  throw internal(`container's cgroup is not empty: ${directory}`);
}

export async function signalAll(layout: CgroupLayout, path: string, signal: number): Promise<void> {
  const pids = new Set(
    cgroupDirectories(layout, path).flatMap((directory) => {
      const file = join(directory, 'cgroup.procs');
      return existsSync(file)
        ? readFileSync(file, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
        : [];
    }),
  );
  for (const pid of pids) {
    try {
      process.kill(Number(pid), signal);
    } catch {
      // gone
    }
  }
}
