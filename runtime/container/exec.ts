import { conflict, internal } from '../../common/errors.ts';
import { buildExecPlan } from '../exec.ts';
import { compileSeccomp } from '../security/seccomp.ts';
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
  /** Below the container's own cgroups. */
  readonly subCgroup: string | undefined;
  readonly onPid: (pid: number) => void;
}

/** Starts a further process in a container and returns its pid. Throws `conflict` in runc's words for one that can't have it. */
export function exec(settings: Settings, record: ContainerRecord, options: ExecOptions): number {
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
    seccomp: linux.seccomp === undefined ? undefined : compileSeccomp(linux.seccomp),
    cgroups: settings.layout,
    noNewKeyring: record.noNewKeyring,
    ...(options.subCgroup === undefined || record.cgroups.path === undefined
      ? {}
      : { cgroupsPath: `${record.cgroups.path}/${options.subCgroup}` }),
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
