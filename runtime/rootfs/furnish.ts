import { invalidArgument } from '../../common/errors.ts';
import type { LaunchRequest } from '../contract.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import { MOUNT_ATTR } from '../plan/constants.ts';
import { ensureDirectory } from '../plan/paths.ts';
import type { Slot } from '../plan/types.ts';
import type { HandOver } from '../process/contract.ts';
import type { NamespaceType } from '../spec.ts';
import { bindConsole, makeTerminal, openOwnPtmx, openPtmxIn } from '../process/terminal.ts';
import { makeDevices } from './devices.ts';
import { changeMount } from './filesystem.ts';
import { makeReadonly, maskPaths } from './masks.ts';
import { isBind, parseMount } from './parse.ts';
import { mountAll, type MountedAt } from './mounts.ts';
import type { Source } from './sources.ts';
import { writeSysctls } from './sysctl.ts';
import { plainDirectory } from './targets.ts';

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
    /** Of `prepareSources`. */
    readonly sources: ReadonlyMap<number, Source>;
    readonly own: ReadonlySet<NamespaceType>;
    readonly handOver: HandOver;
  },
): FurnishedRoot {
  const { root, own } = context;
  const { spec, cgroups } = request;
  const { linux } = spec;
  plan.call('set no umask', 'umask', [0]);
  const mounted = mountAll(plan, spec.mounts, {
    ...context,
    cgroups,
    cgroupsPath: linux.cgroupsPath,
    mountLabel: linux.mountLabel,
    rootPath: request.rootfs.kind === 'directory' ? request.rootfs.path : undefined,
  });
  const terminal = furnishDev(plan, request, { ...context, mounted });
  writeSysctls(plan, linux.sysctl ?? {}, { root, proc: mounted.proc, namespaces: own });
  maskPaths(plan, root, linux.maskedPaths ?? []);
  makeReadonly(plan, root, linux.readonlyPaths ?? []);
  const cwd = openCwd(plan, root, spec.process.cwd);
  for (const { mount, label } of mounted.late) changeMount(plan, mount, { label, set: MOUNT_ATTR.RDONLY });
  if (spec.root.readonly === true) {
    changeMount(plan, root, { label: 'make the root read-only', set: MOUNT_ATTR.RDONLY });
  }
  closeMounted(plan, mounted);
  return { cwd, terminal };
}

/** A container that waits for its start holds no more than it needs. */
function closeMounted(plan: PlanBuilder, { proc, dev, devpts, late }: MountedAt): void {
  const slots = new Set([proc, dev, devpts, ...late.map(({ mount }) => mount)]);
  for (const slot of slots) if (slot !== undefined) plan.close(slot);
}

interface DevContext {
  readonly root: Slot;
  readonly own: ReadonlySet<NamespaceType>;
  readonly mounted: MountedAt;
  readonly handOver: HandOver;
}

/** Devices, links and the terminal. In a /dev that is bound from elsewhere nothing is made but what the terminal needs. */
function furnishDev(plan: PlanBuilder, request: LaunchRequest, context: DevContext): Slot | undefined {
  const { linux, process, mounts } = request.spec;
  const { root, own, mounted } = context;
  const isBound = mounts.map(parseMount).some((mount) => mount.destination === '/dev' && isBind(mount));
  const devices = linux.devices ?? [];
  const hasTerminal = process.terminal === true;
  if (isBound && !hasTerminal) return undefined;
  const dev = mounted.dev ?? plainDirectory(plan, root, { path: '/dev', label: 'make devices: "/dev"' });
  if (!isBound) makeDevices(plan, { root, dev, devices, hasUserNamespace: own.has('user') });
  return hasTerminal ? openTerminal(plan, request, { ...context, dev }) : undefined;
}

function openTerminal(
  plan: PlanBuilder,
  { spec }: LaunchRequest,
  { root, mounted, handOver, dev }: DevContext & { readonly dev: Slot },
): Slot {
  const { devpts } = mounted;
  const master = devpts === undefined ? openPtmxIn(plan, root) : openOwnPtmx(plan, devpts);
  const slave = makeTerminal(plan, master, { process: spec.process, handOver });
  bindConsole(plan, dev, slave);
  return slave;
}

/** Made if it is missing, as docker makes a WORKDIR. It can't lead out through /proc/self/fd (CVE-2024-21626). */
function openCwd(plan: PlanBuilder, root: Slot, cwd: string): Slot {
  if (!cwd.startsWith('/')) throw invalidArgument(`cwd must be an absolute path: "${cwd}"`);
  return ensureDirectory(plan, root, cwd);
}
