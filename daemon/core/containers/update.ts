import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, conflict, messageOf, WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { applyResources, mergeResources } from '../../../runtime/cgroup/live/update.ts';
import { cgroupPathOf } from '../cgroups.ts';
import type { Container, ContainerUpdate, HostOptions, HostResources } from '../contract.ts';
import type { Core } from '../core.ts';
import { makeResources } from '../spec/resources.ts';
import { pauseOf } from '../restarts/pause.ts';
import { backoffOf, checkPolicy } from '../restarts/policy.ts';
import { formatTime, realTimeNs } from '../time.ts';
import { announce } from './announce.ts';
import { fitResources } from './fit-resources.ts';
import { lockContainer } from './lock.ts';
import { isUp } from './state.ts';
import type { Entry } from './table.ts';
import { validateResources } from './validate.ts';

const NS_PER_MS = 1_000_000n;

/**
 * Containers.update: live first, written when the kernel took all of it. A daemon that dies in between has a container with the new
 * limits and the old row, and its next start has the old limits: nobody was told otherwise.
 */
export async function update(
  core: Core,
  ctx: Ctx,
  { reference, change }: { readonly reference: string; readonly change: ContainerUpdate },
): Promise<readonly string[]> {
  const entry = core.table.find(reference);
  using _lock = await lockContainer(core, ctx, entry.id);
  try {
    const { warnings, host } = mergeUpdate(core, entry.view, change);
    if (isUp(entry.view.state))
      await applyLimits(core, entry, { from: entry.view.config.host.resources, change });
    await failpoint('container.update.applied');
    core.table.reconfigure(entry, { ...entry.view.config, host });
    shortenPause(core, entry);
    announce(core, entry, { action: 'update' });
    return warnings;
  } catch (error) {
    throw new WherryError(codeOf(error), `Cannot update container ${entry.id}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The changed options, checked. Throws in docker's words. */
export function mergeUpdate(
  core: Core,
  view: Container,
  change: ContainerUpdate,
): { readonly warnings: readonly string[]; readonly host: HostOptions } {
  const { state } = view;
  if (state.kind === 'removing' || state.kind === 'dead')
    throw conflict('container is marked for removal and cannot be "update".');
  const { host } = view.config;
  checkConflicts(host.resources, change.resources);
  const resources: HostResources = { ...host.resources, ...withSwap(host.resources, change.resources) };
  const { pidsLimit } = resources;
  const kept = { ...resources, pidsLimit: (pidsLimit ?? 0) > 0 ? pidsLimit : undefined };
  const { resources: fitted, warnings } = fitResources(kept, core.host.limits);
  validateResources(fitted, core.host);
  const restartPolicy = mergePolicy(host.restartPolicy, change.restartPolicy ?? {});
  checkPolicy(restartPolicy);
  if (host.autoRemove && restartPolicy.name !== '' && restartPolicy.name !== 'no')
    throw conflict('Restart policy cannot be updated because AutoRemove is enabled for the container');
  return {
    warnings,
    host: { ...host, resources: fitted, restartPolicy, raw: { ...host.raw, ...change.raw } },
  };
}

/** Each part of a back-off stays until it is given anew. */
function mergePolicy(
  old: HostOptions['restartPolicy'],
  next: Partial<HostOptions['restartPolicy']>,
): HostOptions['restartPolicy'] {
  const backoff = { ...old.backoff, ...next.backoff };
  return { ...old, ...next, ...(Object.keys(backoff).length === 0 ? {} : { backoff }) };
}

/** One that waits longer than its back-off now allows goes on waiting for the longest pause, not for more. */
export function shortenPause(core: Core, entry: Entry): void {
  const { state, config } = entry.view;
  if (state.kind !== 'restarting') return;
  const { maxMs, jitter } = backoffOf(config.host.restartPolicy);
  if (pauseOf(state) <= maxMs * (1 + jitter)) return;
  const restartAt = formatTime(realTimeNs() + BigInt(Math.round(maxMs)) * NS_PER_MS);
  core.table.advance(entry, ['restarting'], { state: { ...state, restartAt } });
  core.restartTimers.set(entry.id, maxMs);
}

/** Docker's, in its words: what was set in one way is not updated in the other. */
function checkConflicts(old: HostResources, next: ContainerUpdate['resources']): void {
  const refuse = (text: string): never => {
    throw conflict(`Conflicting options: ${text}`);
  };
  if (old.nanoCpus !== undefined && next.cpuPeriodUs !== undefined)
    refuse('CPU Period cannot be updated as NanoCPUs has already been set');
  if (old.nanoCpus !== undefined && next.cpuQuotaUs !== undefined)
    refuse('CPU Quota cannot be updated as NanoCPUs has already been set');
  if (next.nanoCpus !== undefined && old.cpuQuotaUs !== undefined)
    refuse('Nano CPUs cannot be updated as CPU Quota has already been set');
  if (next.nanoCpus !== undefined && old.cpuPeriodUs !== undefined)
    refuse('Nano CPUs cannot be updated as CPU Period has already been set');
  const swap = old.memorySwapBytes ?? (old.memoryBytes ?? 0) * 2;
  if (next.memoryBytes !== undefined && next.memorySwapBytes === undefined && next.memoryBytes > swap) {
    throw conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  }
}

/** What create filled in for swap stays when the memory changes. */
function withSwap(old: HostResources, next: ContainerUpdate['resources']): ContainerUpdate['resources'] {
  const { memoryBytes } = old;
  if (next.memoryBytes === undefined || next.memorySwapBytes !== undefined) return next;
  const swap = old.memorySwapBytes ?? (memoryBytes === undefined ? undefined : memoryBytes * 2);
  return swap === undefined ? next : { ...next, memorySwapBytes: swap };
}

/** Back to what it had when the kernel refuses a part. */
export async function applyLimits(
  core: Core,
  entry: Entry,
  { from, change }: { readonly from: HostResources; readonly change: ContainerUpdate },
): Promise<void> {
  const place = { layout: core.host.cgroups, path: cgroupPathOf(core, entry.view) };
  const base = makeResources(from, []);
  const next = makeResources({ ...UNCHANGED, ...withSwap(from, change.resources) }, []);
  const { change: writes } = mergeResources(base, next);
  try {
    await applyResources({ ...place, resources: writes });
  } catch (error) {
    const { devices: _devices, ...before } = base;
    await applyResources({ ...place, resources: before }).catch((failure: unknown) =>
      core.ctx.log.error('Cannot set limits back', { container: entry.id, error: failure }),
    );
    throw error;
  }
}

const UNCHANGED: HostResources = {
  memoryBytes: undefined,
  memoryReservationBytes: undefined,
  memorySwapBytes: undefined,
  memorySwappiness: undefined,
  oomKillDisable: false,
  nanoCpus: undefined,
  cpuShares: undefined,
  cpuPeriodUs: undefined,
  cpuQuotaUs: undefined,
  cpusetCpus: '',
  cpusetMems: '',
  pidsLimit: undefined,
  blkioWeight: undefined,
  blkioDevices: { weight: [], readBps: [], writeBps: [], readIops: [], writeIops: [] },
  cpuRealtimePeriodUs: undefined,
  cpuRealtimeRuntimeUs: undefined,
  kernelMemoryBytes: undefined,
  kernelMemoryTcpBytes: undefined,
  devices: [],
  deviceCgroupRules: [],
  cgroupParent: '',
};
