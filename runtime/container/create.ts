import { writeFileSync, renameSync } from 'node:fs';
import { userInfo } from 'node:os';
import { internal } from '../../common/errors.ts';
import { failpointNow } from '../../common/failpoints.ts';
import type { ResolvedCgroups } from '../cgroup/contract.ts';
import { buildLaunchPlan } from '../launch.ts';
import type { Plan } from '../plan/types.ts';
import { unknownCapabilities, unraisable } from '../security/capabilities.ts';
import { compileCached, seccompCache } from '../security/seccomp-cache.ts';
import type { Spec } from '../spec.ts';
import { holdUnitOf, placeCgroups, refuseUsed } from './cgroups.ts';
import type { ContainerRecord, Settings } from './contract.ts';
import { destroy } from './destroy.ts';
import { moveNetDevices } from './net-devices.ts';
import { withHome } from './home.ts';
import { runHooks } from './hooks.ts';
import { runPlan } from './launcher.ts';
import { sendSeccompListener } from './seccomp-listener.ts';
import { prepareSpec } from './prepare-spec.ts';
import {
  checkId,
  makeStartFifo,
  makeStateDirectory,
  removeStateDirectory,
  saveRecord,
  startDirectory,
} from './state-directory.ts';
import { identify } from './status.ts';
import { ownedStdio, takeTerminal, type Console } from './terminal.ts';

export interface CreateRequest {
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  /** Validated. */
  readonly config: Spec;
  readonly console: Console;
  readonly pidFile: string | undefined;
  readonly preserveFds: number;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** The init waits for `start`; else it runs its program at once. */
  readonly waits: boolean;
}

/**
 * Makes a container: its state directory, its cgroups, its namespaces, its root, and its init, whose parent this command or the
 * nearest subreaper becomes. Throws with nothing left.
 */
export async function create(settings: Settings, request: CreateRequest): Promise<ContainerRecord> {
  const { id } = request;
  let record = newRecord(settings, request);
  const { spec, cgroups } = record;
  const unknown = unknownCapabilities(spec.process.capabilities ?? {});
  if (unknown.length > 0)
    settings.warn(`ignoring unknown or unavailable capabilities: [${unknown.join(' ')}]`);
  for (const name of unraisable(spec.process.capabilities ?? {}))
    settings.warn(`can't raise ambient capability ${name}: operation not permitted`);
  const plan = launchPlan(settings, record, request);
  makeStateDirectory(settings.root, id);
  if (cgroups !== undefined) await checkCgroups(settings, id, cgroups);
  try {
    failpointNow('create.directory');
    saveRecord(settings.root, record);
    failpointNow('create.saved');
    if (request.waits) makeStartFifo(settings.root, id);
    const keep = (change: Partial<ContainerRecord>): void => {
      record = { ...record, ...change };
      saveRecord(settings.root, record);
    };
    using _unit = await holdUnitOf(settings, record);
    runPlan(plan, {
      preserveFds: request.preserveFds,
      waits: request.waits,
      events: {
        onForked: (pid) => {
          failpointNow('create.forked');
          keep({ init: identify(pid) });
          failpointNow('create.identified');
          if (request.pidFile !== undefined) writePidFile(request.pidFile, pid);
        },
        onSync: (point, take) => {
          failpointNow(`create.${point}`);
          if (point === 'root') {
            moveNetDevices(record.init?.pid ?? 0, spec.linux.netDevices);
            runCreateHooks(record);
          } else if (point === 'terminal') takeTerminal(request.console, take());
          else sendSeccompListener(record, take());
        },
      },
    });
    if (record.init === undefined) throw internal(`The launcher of ${id} made no process`);
    failpointNow('create.ready');
    keep({ isReady: true });
    return record;
  } catch (error) {
    await destroy(settings, record);
    throw error;
  }
}

/** Cgroups that are somebody else's are not to be cleaned away with ours. */
async function checkCgroups({ root }: Settings, id: string, cgroups: ResolvedCgroups): Promise<void> {
  try {
    await refuseUsed(cgroups);
  } catch (error) {
    removeStateDirectory(root, id);
    throw error;
  }
}

/** What is known of a container before anything is made. Throws `invalid-argument`. */
export function newRecord(
  settings: Settings,
  { id, config, bundle, noNewKeyring }: Pick<CreateRequest, 'id' | 'config' | 'bundle' | 'noNewKeyring'>,
): ContainerRecord {
  checkId(id);
  const { spec: prepared, rootfs } = prepareSpec(config, bundle);
  const cgroups = placeCgroups(settings, { id, cgroupsPath: prepared.linux.cgroupsPath });
  const spec = withCgroupsPath(prepared, cgroups?.path);
  return {
    id,
    bundle,
    rootfs,
    created: now(),
    owner: ownerName(),
    spec,
    cgroups,
    init: undefined,
    isReady: false,
    noNewKeyring,
  };
}

export function launchPlan(
  { root, layout }: Pick<Settings, 'root' | 'layout'>,
  record: ContainerRecord,
  { preserveFds, noPivot, waits }: Pick<CreateRequest, 'preserveFds' | 'noPivot' | 'waits'>,
): Plan {
  const { id, spec, rootfs, noNewKeyring } = record;
  const { hooks = {}, linux } = spec;
  const meetsAtRoot =
    [hooks.prestart, hooks.createRuntime, hooks.createContainer].some((list = []) => list.length > 0) ||
    Object.keys(linux.netDevices ?? {}).length > 0;
  const hasUserNamespace = linux.namespaces.some(({ type }) => type === 'user');
  return buildLaunchPlan({
    id,
    // Not in the record: another user's process has another HOME.
    spec: { ...spec, process: withHome(spec.process, rootfs) },
    rootfs: { kind: 'directory', path: rootfs },
    // A user namespace's root may not be let through to the directory; what lies over the old root needs no way to it.
    stagingDir: hasUserNamespace ? '/' : rootfs,
    network: undefined,
    keeper: {
      kind: 'runtime',
      preserveFds,
      ownedStdio: ownedStdio(),
      startIn: waits ? startDirectory(root, id) : undefined,
      meetsAtRoot,
    },
    noPivot,
    noNewKeyring,
    seccomp: linux.seccomp === undefined ? undefined : compileCached(linux.seccomp, seccompCache()),
    cgroups: record.cgroups?.layout ?? layout,
  });
}

function runCreateHooks(record: ContainerRecord): void {
  for (const point of ['prestart', 'createRuntime', 'createContainer'] as const)
    runHooks(record, { point, status: 'creating' });
}

function withCgroupsPath(spec: Spec, path: string | undefined): Spec {
  const { cgroupsPath: _, ...linux } = spec.linux;
  return { ...spec, linux: path === undefined ? linux : { ...linux, cgroupsPath: path } };
}

/** Whole or not at all: tools read it while it is written. */
export function writePidFile(path: string, pid: number): void {
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, String(pid));
  renameSync(partial, path);
}

/** RFC 3339 with nanoseconds: the clock's milliseconds, and what a monotonic clock adds is not worth a call. */
const now = (): string => new Date().toISOString().replace('Z', '000000Z');

function ownerName(): string {
  // What everybody's passwd file says; reading it takes a millisecond.
  if (process.getuid?.() === 0) return 'root';
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 0);
  }
}
