import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { START_FIFO } from '../../../runtime/keeper.ts';
import { isFrozen } from '../../../runtime/cgroup/live/freezer.ts';
import { DOCKER_NAMESPACE } from '../../../image/namespaces/docker.ts';
import type { Core } from '../core.ts';
import { clearAway } from '../tasks/clear-away.ts';
import { endProcess, watchEnd } from '../tasks/end.ts';
import { dropExecs } from '../tasks/exec.ts';
import { removeDirectory } from '../remove-directory.ts';
import type { ProcessEntry, ProcessState } from '../tasks/process.ts';
import { watchProcess } from '../process-watch.ts';
import type { FoundShim } from './find-shim.ts';

/**
 * Finds the processes of the tasks service again, those that ended meanwhile too. What the last daemon did not make whole goes; after a
 * restart of the host all of it, as containerd's does.
 */
export async function recoverTasks(core: Core, hostRestarted: boolean): Promise<void> {
  const entries = [...core.tasks.all()];
  // A task's end is the end of its execs: their own is told first.
  for (const isExec of [true, false]) {
    const these = entries.filter(({ ref }) => (ref.execId !== undefined) === isExec);
    await Promise.all(these.map((entry) => recover(core, entry, hostRestarted)));
  }
  const docker = entries.filter(({ ref }) => ref.namespace === DOCKER_NAMESPACE);
  for (const id of new Set(docker.map(({ ref }) => ref.id))) {
    const run = core.table.byId(id)?.run;
    if (run === undefined) await dropExecs(core, id);
    else void run.ended.then(() => dropExecs(core, id));
  }
}

async function recover(core: Core, entry: ProcessEntry, hostRestarted: boolean): Promise<void> {
  const { key, state } = entry;
  if (state.kind === 'stopped' && !hostRestarted) return;
  const found: FoundShim = await findTaskShim(core, entry, hostRestarted);
  if (found.kind === 'live') {
    entry.shim = found.shim;
    watchEnd(core, entry, found.ended);
  }
  if (hostRestarted || state.kind === 'creating') {
    // A shim that the last daemon was just starting can't begin any more then.
    if (found.kind === 'none') await removeDirectory(core.paths.shim(key));
    return clearAway(core, entry);
  }
  if (found.kind === 'ended') return endProcess(core, entry, found.ending);
  if (found.kind === 'live') {
    const next = await stateOf(core, entry, found.shim.pid);
    core.tasks.advance(entry, [state.kind], next);
    return;
  }
  // Neither exec nor restored task had a shim before its start.
  const hadNone = 'pid' in state && state.pid === 0 && state.kind !== 'running' && state.kind !== 'paused';
  if (!hadNone) return endProcess(core, entry, { kind: 'unseen' });
  core.tasks.advance(entry, ['starting'], { kind: 'created', pid: 0 });
  core.ctx.log.debug('A process was not started yet', { key });
}

/** A bundle is there before its shim, and goes with it: a directory that is there says nothing yet. */
async function findTaskShim(core: Core, entry: ProcessEntry, hostRestarted: boolean): Promise<FoundShim> {
  if (hostRestarted) return { kind: 'none' };
  const { hooks, ended } = watchProcess({ onDetach: () => {}, onLogError: () => {} });
  const directory = core.paths.shim(entry.key);
  const found = await core.launcher.find(core.ctx.detached(), { id: entry.ref.id, directory, hooks });
  if (found === undefined) return { kind: 'none' };
  return found.kind === 'live'
    ? { kind: 'live', shim: found.shim, ended }
    : { kind: 'ended', ending: { kind: 'exit', exit: found.exit } };
}

/** What the runtime and the kernel say of a task; an exec with a shim runs. */
async function stateOf(core: Core, { ref, fixed, state }: ProcessEntry, pid: number): Promise<ProcessState> {
  if (fixed.task === undefined) return { kind: 'running', pid };
  const { cgroupsPath: path } = fixed.task;
  if (path !== undefined && (await isFrozen({ layout: core.host.cgroups, path })))
    return { kind: 'paused', pid };
  if (state.kind === 'running' || state.kind === 'paused') return { kind: 'running', pid };
  const fifo = join(core.paths.runtime(ref.namespace), ref.id, START_FIFO);
  const waits = await access(fifo).then(
    () => true,
    () => false,
  );
  return { kind: waits ? 'created' : 'running', pid };
}
