import { readFile, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ctx } from '../../common/ctx.ts';
import { internal } from '../../common/errors.ts';
import { isErrno } from '../../native/sys/files.ts';
import { cgroupDirectories, hierarchyOf, type CgroupLayout } from './layout.ts';

/** One container's cgroup: all of its directories. */
export interface CgroupId {
  readonly layout: CgroupLayout;
  /** `cgroupsPath` of its specification. */
  readonly path: string;
}

const FIRST_WAIT_MS = 1;
const LAST_WAIT_MS = 100;
const PATIENCE_MS = 10_000;

/**
 * Removes the directories of a cgroup and of what was made inside it. Idempotent. A process that has just died still counts for
 * a moment: EBUSY is retried for 10 s, then `internal` is thrown. Processes are not killed: `signalAll` does that.
 */
export async function removeCgroups(ctx: Ctx, { layout, path }: CgroupId): Promise<void> {
  const directories = [...new Set(cgroupDirectories(layout, path))];
  await Promise.all(directories.map((directory) => removeTree(ctx, directory)));
}

async function removeTree(ctx: Ctx, directory: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LAST_WAIT_MS)) {
    if (await tryRemove(directory)) return;
    if (performance.now() > deadline) throw internal(`Cannot remove cgroup "${directory}": EBUSY`);
    await removeChildren(ctx, directory);
    await sleep(waitMs, undefined, { signal: ctx.signal });
  }
}

/** rmdir first: a directory of a controller that has no child groups goes with its files. */
async function tryRemove(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return true;
    if (isErrno(error, 'EBUSY', 'ENOTEMPTY')) return false;
    throw error;
  }
}

async function removeChildren(ctx: Ctx, directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(ignoreMissing);
  for (const entry of entries ?? []) {
    if (entry.isDirectory()) await removeTree(ctx, join(directory, entry.name));
  }
}

/** Process ids in the cgroup itself and in those inside it, as this process sees them. None when it is gone. */
export async function listPids(id: CgroupId): Promise<number[]> {
  const directory = directoryOf(id, 'pids') ?? directoryOf(id, 'devices') ?? directoryOf(id, 'freezer');
  return directory === undefined ? [] : [...new Set(await pidsBelow(directory))];
}

async function pidsBelow(directory: string): Promise<number[]> {
  const [text, entries] = await Promise.all([
    readFile(join(directory, 'cgroup.procs'), 'utf8').catch(ignoreMissing),
    readdir(directory, { withFileTypes: true }).catch(ignoreMissing),
  ]);
  const own = (text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
  const children = (entries ?? []).filter((entry) => entry.isDirectory());
  const below = await Promise.all(children.map((entry) => pidsBelow(join(directory, entry.name))));
  return [...own, ...below.flat()];
}

/**
 * Sends a signal to every process of the cgroup, frozen meanwhile so that none escapes by forking, thawed afterwards so that a
 * SIGKILL takes effect.
 */
export async function signalAll(ctx: Ctx, id: CgroupId, signal: number): Promise<void> {
  await freeze(ctx, id);
  try {
    for (const pid of await listPids(id)) sendSignal(pid, signal);
  } finally {
    await thaw(ctx.detached(), id);
  }
}

function sendSignal(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
}

/** Stops every process of the cgroup, and resolves when they stand still. */
export const freeze = (ctx: Ctx, id: CgroupId): Promise<void> => setFreezer(ctx, id, 'FROZEN');

/** Lets them go on. */
export const thaw = (ctx: Ctx, id: CgroupId): Promise<void> => setFreezer(ctx, id, 'THAWED');

/** Writing it again while it says FREEZING helps: a process that forked meanwhile is caught (freezer-subsystem.rst). */
async function setFreezer(ctx: Ctx, id: CgroupId, state: 'FROZEN' | 'THAWED'): Promise<void> {
  const directory = directoryOf(id, 'freezer');
  if (directory === undefined) return;
  const file = join(directory, 'freezer.state');
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LAST_WAIT_MS)) {
    const written = await writeFile(file, state).then(() => true, ignoreMissing);
    if (written === undefined) return;
    const now = await readFile(file, 'utf8').catch(ignoreMissing);
    if (now === undefined || now.trim() === state) return;
    await sleep(waitMs, undefined, { signal: ctx.signal });
  }
}

function directoryOf({ layout, path }: CgroupId, controller: string): string | undefined {
  const hierarchy = hierarchyOf(layout, controller);
  return hierarchy === undefined ? undefined : `${hierarchy.mountPoint}${path}`;
}

function ignoreMissing(error: unknown): undefined {
  if (isErrno(error, 'ENOENT', 'ENODEV')) return undefined;
  throw error;
}
