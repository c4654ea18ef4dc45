import { rmdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { posix } from 'node:path';
import { codeOf } from '../../../common/errors.ts';
import { killCgroup, removeCgroup } from '../cgroups.ts';
import { cgroupDirectories } from '../../../runtime/cgroup/layout.ts';
import type { Core } from '../core.ts';
import { removeDirectory } from '../remove-directory.ts';
import { runVerb } from '../runtimes/verb.ts';
import { within } from '../within.ts';
import { runtimeContainer } from './parts.ts';
import type { ProcessEntry } from './process.ts';

const KILL_TIMEOUT_MS = 10_000;

/** Ends a process if it lives, has the runtime forget it, and removes all that there is of it: its row last. */
export async function clearAway(core: Core, entry: ProcessEntry): Promise<void> {
  const { ref, fixed, key } = entry;
  if (entry.shim !== undefined) await killShim(core, entry);
  if (fixed.task !== undefined) await forget(core, entry);
  await removeDirectory(core.paths.shim(key));
  if (fixed.task?.checkpoint !== undefined) await removeDirectory(core.paths.checkpoint(key));
  if (core.tasks.get(ref) === entry) core.tasks.remove(entry);
  if (fixed.task !== undefined && core.tasks.tasksOf(ref.namespace).length === 0)
    await leaveNamespace(core, entry);
}

/** What all tasks of a namespace are below goes with the last one, unless somebody else has something there. */
async function leaveNamespace(core: Core, entry: ProcessEntry): Promise<void> {
  const { cgroupsPath } = entry.fixed.task ?? {};
  const cgroup = `/${entry.ref.namespace}`;
  const isBelow = cgroupsPath !== undefined && posix.dirname(cgroupsPath) === cgroup;
  const cgroups = isBelow ? cgroupDirectories(core.host.cgroups, cgroup) : [];
  const { root } = runtimeContainer(core, entry);
  for (const path of [...cgroups, ...(root === undefined ? [] : [root])]) await rmdir(path).catch(() => {});
}

async function killShim(core: Core, entry: ProcessEntry): Promise<void> {
  const { shim, ref } = entry;
  await shim?.signal(core.ctx.detached(), constants.signals.SIGKILL).catch((error: unknown) => {
    if (codeOf(error) !== 'not-found') throw error;
  });
  if (!(await within(KILL_TIMEOUT_MS, entry.ended.promise)))
    core.ctx.log.error('A killed process does not end', { ...ref });
}

/** What the runtime can't remove is removed without it. */
async function forget(core: Core, entry: ProcessEntry): Promise<void> {
  const { ref, fixed, state } = entry;
  // What is not whole may have met another's cgroup: only its runtime knows.
  const cgroupsPath = state.kind === 'creating' ? undefined : fixed.task?.cgroupsPath;
  const { cgroups } = core.host;
  if (cgroupsPath !== undefined) await killCgroup(cgroups, cgroupsPath);
  const container = runtimeContainer(core, entry);
  await runVerb(core, container, { verb: ['delete', '--force', ref.id] }).catch((error: unknown) =>
    core.ctx.log.warn('A runtime did not delete its container', { ...ref, error }),
  );
  if (cgroupsPath !== undefined) await removeCgroup(cgroups, cgroupsPath);
  if (container.root !== undefined) await removeDirectory(`${container.root}/${ref.id}`);
}
