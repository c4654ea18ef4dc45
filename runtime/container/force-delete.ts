import { readFileSync, writeFileSync } from 'node:fs';
import { codeOf } from '../../common/errors.ts';
import { hierarchyOf } from '../cgroup/layout.ts';
import { kill } from '../cgroup/live/processes.ts';
import type { Settings } from './contract.ts';
import { destroy } from './destroy.ts';
import { hasStateDirectory, loadRecord, lockContainer, removeStateDirectory } from './state-directory.ts';
import { isAlive } from './status.ts';
import { signalProcess } from './kill.ts';

const SIGKILL = 9;
const TRIES = 1000;
const PAUSE_MS = 10;

/**
 * Kills a container in whatever state it is, and removes all that is there of it: also what a command left behind that was itself
 * killed half-way. An id that nobody has is no error.
 */
export async function forceDelete(settings: Settings, id: string): Promise<void> {
  if (!hasStateDirectory(settings.root, id)) return;
  const record = ifThere(() => loadRecord(settings.root, id));
  if (record === undefined) {
    // The directory was made, its state was not written: nothing else was made either.
    removeStateDirectory(settings.root, id);
    return;
  }
  // Before the lock: a command that waits for this very process holds it.
  if (record.init !== undefined && signalProcess(record.init, SIGKILL))
    thawElsewhere(settings, record.init.pid);
  if (record.cgroups !== undefined) await kill(record.cgroups);
  using lock = ifThere(() => lockContainer(settings.root, id));
  // Another command was faster.
  if (lock === undefined) return;
  const latest = loadRecord(settings.root, id);
  for (let tries = 0; tries < TRIES && latest.init !== undefined && isAlive(latest.init); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  await destroy(settings, latest);
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === 'not-found') return undefined;
    throw error;
  }
}

/** Somebody may have put the process into a frozen cgroup of his own, where SIGKILL waits (version 1). */
function thawElsewhere({ layout }: Pick<Settings, 'layout'>, pid: number): void {
  const freezer = hierarchyOf(layout, 'freezer');
  if (freezer === undefined) return;
  try {
    const line = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
      .split('\n')
      .find((each) => each.split(':')[1] === 'freezer');
    const path = line?.split(':').slice(2).join(':') ?? '/';
    if (path !== '/') writeFileSync(`${freezer.mountPoint}${path}/freezer.state`, 'THAWED');
  } catch {
    // It has ended.
  }
}
