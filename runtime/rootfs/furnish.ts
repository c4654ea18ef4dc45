import { invalidArgument } from '../../common/errors.ts';
import type { LaunchRequest } from '../contract.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import { MOUNT_ATTR } from '../plan/constants.ts';
import { ensureDirectory } from '../plan/paths.ts';
import type { Slot } from '../plan/types.ts';
import type { HandOver } from '../process/contract.ts';
import { bindConsole, makeTerminal, openOwnPtmx, openPtmxIn } from '../process/terminal.ts';
import { makeDevices } from './devices.ts';
import { changeMount } from './filesystem.ts';
import { makeReadonly, maskPaths } from './masks.ts';
import { mountAll, type MountedAt } from './mounts.ts';
import { writeSysctls } from './sysctl.ts';

export interface FurnishedRoot {
  readonly cwd: Slot;
  /** The slave end, when the process has a terminal. */
  readonly terminal: Slot | undefined;
}

/** Everything inside the root, by descriptors and while the host's paths are still there. The umask is 0 in here. */
export function furnishRoot(
  plan: PlanBuilder,
  request: LaunchRequest,
  context: {
    readonly root: Slot;
    readonly shared: ReadonlyMap<number, Slot>;
    readonly own: ReadonlySet<string>;
    readonly handOver: HandOver;
  },
): FurnishedRoot {
  const { root, shared, own, handOver } = context;
  const { spec, cgroups } = request;
  const { linux, process } = spec;
  plan.call('set no umask', 'umask', [0]);
  const mounted = mountAll(plan, spec.mounts, { root, shared, cgroups, cgroupsPath: linux.cgroupsPath });
  if (mounted.dev !== undefined) {
    makeDevices(plan, { root, dev: mounted.dev, devices: linux.devices ?? [] });
  }
  const terminal =
    process.terminal === true ? openTerminal(plan, request, { root, mounted, handOver }) : undefined;
  writeSysctls(plan, linux.sysctl ?? {}, { proc: mounted.proc, namespaces: own });
  maskPaths(plan, root, linux.maskedPaths ?? []);
  makeReadonly(plan, root, linux.readonlyPaths ?? []);
  const cwd = openCwd(plan, root, process.cwd);
  if (spec.root.readonly === true) {
    changeMount(plan, root, { label: 'make the root read-only', set: MOUNT_ATTR.RDONLY });
  }
  return { cwd, terminal };
}

function openTerminal(
  plan: PlanBuilder,
  { spec }: LaunchRequest,
  {
    root,
    mounted,
    handOver,
  }: { readonly root: Slot; readonly mounted: MountedAt; readonly handOver: HandOver },
): Slot {
  const { devpts, dev } = mounted;
  const master = devpts === undefined ? openPtmxIn(plan, root) : openOwnPtmx(plan, devpts);
  const slave = makeTerminal(plan, master, { process: spec.process, handOver });
  if (dev !== undefined) bindConsole(plan, dev, slave);
  return slave;
}

/** Made if it is missing, as docker makes a WORKDIR. It can't lead out through /proc/self/fd (CVE-2024-21626). */
function openCwd(plan: PlanBuilder, root: Slot, cwd: string): Slot {
  if (!cwd.startsWith('/')) throw invalidArgument(`cwd must be an absolute path: "${cwd}"`);
  return ensureDirectory(plan, root, cwd);
}
