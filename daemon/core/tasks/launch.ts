import { mkdir } from 'node:fs/promises';
import type { Ctx } from '../../../common/ctx.ts';
import type { MonitorConfig } from '../../../runtime/contract.ts';
import type { Logger } from '../../../runtime/foreign/logger.ts';
import type { Plan } from '../../../runtime/plan/types.ts';
import { oomFileOf } from '../../../runtime/cgroup/live/oom.ts';
import { DRAIN_MS } from '../containers/launch.ts';
import type { Core } from '../core.ts';
import { watchProcess } from '../process-watch.ts';
import { watchEnd } from './end.ts';
import type { ProcessEntry } from './process.ts';
import { openStdio } from './stdio.ts';

/** Starts a shim on the plan that is made of its configuration; the process's end is looked after from then on. */
export async function launchProcess(
  core: Core,
  ctx: Ctx,
  {
    entry,
    cgroupsPath,
    makePlan,
  }: {
    readonly entry: ProcessEntry;
    readonly cgroupsPath: string | undefined;
    readonly makePlan: (monitor: MonitorConfig, loggers: readonly Logger[]) => Promise<Plan>;
  },
): Promise<number> {
  const { ref, key, fixed } = entry;
  const directory = core.paths.shim(key);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await using stdio = await openStdio(fixed.stdio, ref, directory);
  const monitor: MonitorConfig = {
    ...{ id: ref.id, directory, tty: fixed.stdio.terminal, consoleSize: undefined },
    stdin: fixed.stdio.stdin === '' ? 'none' : 'open',
    log: undefined,
    drainMs: DRAIN_MS,
    oomFile: cgroupsPath === undefined ? undefined : oomFileOf(core.host.cgroups, cgroupsPath),
  };
  const plan = await makePlan(monitor, stdio.loggers);
  const { hooks, ended } = watchProcess({ onDetach: () => {}, onLogError: () => {} });
  const within = ctx.within(core.config.launchTimeoutMs);
  const { files } = stdio;
  const shim = await core.launcher.launch(within, { id: ref.id, directory, plan, attach: [], files, hooks });
  entry.shim = shim;
  watchEnd(core, entry, ended);
  return shim.pid;
}
