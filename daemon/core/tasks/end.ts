import { killCgroup } from '../cgroups.ts';
import type { Core } from '../core.ts';
import type { Ending } from '../process-watch.ts';
import { formatTime, realTimeNs } from '../time.ts';
import type { ProcessExit } from './contract.ts';
import type { ProcessEntry } from './process.ts';

/** SIGKILL, as a shell counts it: the end of a process whose shim was killed, and of one that nobody saw. */
const LOST_EXIT_CODE = 137;

/** Looks after the end of a process that has a shim. */
export function watchEnd(core: Core, entry: ProcessEntry, ended: Promise<Ending>): void {
  void ended.then((ending) =>
    core.background.run('Cannot end a process', { ...entry.ref }, async () => {
      // A start is told of before the end.
      await entry.busy.catch(() => {});
      await endProcess(core, entry, ending);
    }),
  );
}

/** Records and tells the end; the rest is `delete`'s. One that was deleted by then has none. */
export async function endProcess(
  core: Core,
  entry: ProcessEntry,
  ending: Ending | { readonly kind: 'unseen' },
): Promise<void> {
  const { ref, state } = entry;
  entry.shim = undefined;
  if (core.tasks.get(ref) !== entry || state.kind === 'stopped') return;
  const { pid = 0 } = 'pid' in state ? state : {};
  const exit: ProcessExit =
    ending.kind === 'exit'
      ? { code: ending.exit.code, atNs: ending.exit.finishedAtNs }
      : { code: LOST_EXIT_CODE, atNs: realTimeNs() };
  await endOthers(core, entry, ending.kind !== 'exit');
  core.tasks.advance(entry, [state.kind], {
    kind: 'stopped',
    ...{ pid, code: exit.code },
    at: formatTime(exit.atNs),
  });
  const { execId, ...task } = ref;
  if (ending.kind === 'exit' && ending.exit.oomKilled && execId === undefined)
    core.tasks.tell({ ...task, kind: 'oom' });
  entry.ended.resolve(exit);
  core.tasks.tell({ ...task, kind: 'exit', execId, pid, exit });
}

/** Without a pid namespace of its own, and without its shim, a task leaves processes that nobody would see the end of. */
async function endOthers(core: Core, { ref, fixed }: ProcessEntry, isLost: boolean): Promise<void> {
  const { task } = fixed;
  if (task?.cgroupsPath === undefined || !(isLost || task.sharesPids)) return;
  await killCgroup(core.host.cgroups, task.cgroupsPath).catch((error: unknown) =>
    core.ctx.log.error('Cannot kill what a task left', { ...ref, error }),
  );
}
