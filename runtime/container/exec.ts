import { conflict, internal } from '../../common/errors.ts';
import { execPath } from '../cgroup/exec.ts';
import { subCgroups } from '../cgroup/sub.ts';
import type { ExecRequest } from '../contract.ts';
import { buildExecPlan } from '../exec.ts';
import { compileCached, seccompCache } from '../security/seccomp-cache.ts';
import type { Process } from '../spec.ts';
import type { ContainerRecord, Settings } from './contract.ts';
import { withHome } from './home.ts';
import { runPlan } from './launcher.ts';
import { sendSeccompListener } from './seccomp-listener.ts';
import { statusOf } from './status.ts';
import { ownedStdio, takeTerminal, type Console } from './terminal.ts';

export interface ExecOptions {
  /** Validated. */
  readonly process: Process;
  readonly console: Console;
  readonly preserveFds: number;
  readonly ignorePaused: boolean;
  /** Arguments `[controllers:]path`: below the container's own cgroups. */
  readonly subCgroups: readonly string[];
  readonly onPid: (pid: number) => void;
}

/** Starts a further process in a container and returns its pid. Throws `conflict` in runc's words for one that can't have it. */
export async function exec(
  settings: Settings,
  record: ContainerRecord,
  options: ExecOptions,
): Promise<number> {
  const { init, spec, id } = record;
  const status = statusOf(settings, record);
  if (status === 'stopped' || init === undefined) throw conflict('cannot exec in a stopped container');
  if (status === 'paused' && !options.ignorePaused)
    throw conflict('cannot exec in a paused container (use --ignore-paused to override)');
  const { linux } = spec;
  const plan = buildExecPlan({
    id,
    pid: init.pid,
    spec,
    process: withHome(options.process, `/proc/${init.pid}/root`),
    keeper: {
      kind: 'runtime',
      preserveFds: options.preserveFds,
      ownedStdio: ownedStdio(),
      startIn: undefined,
      meetsAtRoot: false,
    },
    seccomp: linux.seccomp === undefined ? undefined : compileCached(linux.seccomp, seccompCache()),
    noNewKeyring: record.noNewKeyring,
    ...(await cgroupsOf(settings, record, options.subCgroups)),
  });
  let started: number | undefined;
  runPlan(plan, {
    preserveFds: options.preserveFds,
    events: {
      onForked: (pid) => {
        started = pid;
        options.onPid(pid);
      },
      onSync: (point, take) => {
        if (point === 'terminal') takeTerminal(options.console, take());
        else sendSeccompListener(record, take(), started);
      },
    },
  });
  if (started === undefined) throw internal(`The launcher made no process in ${id}`);
  return started;
}

async function cgroupsOf(
  { layout }: Settings,
  { cgroups, init }: ContainerRecord,
  asked: readonly string[],
): Promise<Pick<ExecRequest, 'cgroups' | 'cgroupsPath'>> {
  if (cgroups === undefined || init === undefined) return { cgroups: layout };
  if (asked.length === 0) return { cgroups: cgroups.layout, cgroupsPath: execPath(cgroups, init.pid) };
  const { layout: cgroupLayout, path } = await subCgroups(cgroups, asked);
  return { cgroups: cgroupLayout, cgroupsPath: path };
}
