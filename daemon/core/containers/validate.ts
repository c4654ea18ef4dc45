import { availableParallelism } from 'node:os';
import { posix } from 'node:path';
import { invalidArgument } from '../../../common/errors.ts';
import { chooseCapabilities } from '../../../runtime/security/capabilities.ts';
import type { CreateRequest, HostOptions, HostResources } from '../contract.ts';
import { parseExtraHost } from '../networks/hosts.ts';
import type { Host } from '../host.ts';
import { parseRule } from '../spec/devices.ts';
import { parseSecurityOptions } from '../spec/security.ts';
import { parseSignal } from '../signals.ts';
import { parseCpuList } from './cpu-list.ts';

const MIN_MEMORY_BYTES = 6 << 20;
/** What `host-gateway` stands for does not matter here. */
const ANY_GATEWAY = '0.0.0.0';

/**
 * Refuses what docker refuses at create, in its words, in its order. Returns the warnings that docker gives. What depends on the
 * host at the moment of the start (a missing device, a bind's source) is found out then.
 */
export function validateRequest(request: CreateRequest, cpuset: Host['cpuset']): string[] {
  if (request.workingDir !== '' && !posix.isAbsolute(request.workingDir)) {
    throw invalidArgument(
      `the working directory '${request.workingDir}' is invalid, it needs to be an absolute path`,
    );
  }
  if (request.stopSignal !== undefined) parseSignal(request.stopSignal);
  for (const variable of request.env) {
    if (variable === '' || variable.startsWith('=')) {
      throw invalidArgument(`invalid environment variable: ${variable}`);
    }
  }
  validateHost(request.host);
  return validateResources(request.host.resources, cpuset);
}

function validateHost(host: HostOptions): void {
  if (host.autoRemove && host.restartPolicy.name !== '' && host.restartPolicy.name !== 'no') {
    throw invalidArgument("can't create 'AutoRemove' container with restart policy");
  }
  chooseCapabilities({ add: host.capAdd, drop: host.capDrop, privileged: host.privileged });
  parseSecurityOptions(host.securityOpt, false);
  host.resources.deviceCgroupRules.forEach(parseRule);
  for (const extraHost of host.extraHosts) parseExtraHost(extraHost, ANY_GATEWAY);
  if (host.shmSizeBytes < 0) throw invalidArgument('SHM size can not be less than 0');
  if (host.oomScoreAdj < -1000 || host.oomScoreAdj > 1000) {
    throw invalidArgument(`Invalid value ${host.oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  const destinations = [...host.binds.map(({ destination }) => destination), ...Object.keys(host.tmpfs)];
  const seen = new Set<string>();
  for (const destination of destinations.map((path) => posix.normalize(path))) {
    if (seen.has(destination)) throw invalidArgument(`Duplicate mount point: ${destination}`);
    seen.add(destination);
  }
}

export function validateResources(resources: HostResources, cpuset: Host['cpuset']): string[] {
  validateMemory(resources);
  validateCpu(resources);
  validateSet('CPUs', 'cpus', { requested: resources.cpusetCpus, available: cpuset?.cpus });
  validateSet('memory nodes', 'mems', { requested: resources.cpusetMems, available: cpuset?.mems });
  const { blkioWeight } = resources;
  if (blkioWeight !== undefined && (blkioWeight < 10 || blkioWeight > 1000)) {
    throw invalidArgument('Range of blkio weight is from 10 to 1000');
  }
  return resources.oomKillDisable && resources.memoryBytes === undefined
    ? [
        'OOM killer is disabled for the container, but no memory limit is set, ' +
          'this can result in the system running out of resources.',
      ]
    : [];
}

function validateMemory(resources: HostResources): void {
  const { memoryBytes, memorySwapBytes, memorySwappiness, memoryReservationBytes } = resources;
  if (memoryBytes !== undefined && memoryBytes < MIN_MEMORY_BYTES) {
    throw invalidArgument('Minimum memory limit allowed is 6MB');
  }
  if (memoryBytes !== undefined && (memorySwapBytes ?? -1) > 0 && (memorySwapBytes ?? 0) < memoryBytes) {
    throw invalidArgument('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (memoryBytes === undefined && (memorySwapBytes ?? -1) > 0) {
    throw invalidArgument('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (memorySwappiness !== undefined && (memorySwappiness < 0 || memorySwappiness > 100)) {
    throw invalidArgument(`Invalid value: ${memorySwappiness}, valid memory swappiness range is 0-100`);
  }
  if (memoryReservationBytes !== undefined && memoryReservationBytes < MIN_MEMORY_BYTES) {
    throw invalidArgument('Minimum memory reservation allowed is 6MB');
  }
  if (memoryBytes !== undefined && (memoryReservationBytes ?? 0) > memoryBytes) {
    throw invalidArgument('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
}

function validateCpu({ nanoCpus, cpuPeriodUs, cpuQuotaUs }: HostResources): void {
  if (nanoCpus !== undefined && cpuPeriodUs !== undefined) {
    throw invalidArgument('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  }
  if (nanoCpus !== undefined && cpuQuotaUs !== undefined) {
    throw invalidArgument('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  }
  const count = availableParallelism();
  if (nanoCpus !== undefined && (nanoCpus < 0 || nanoCpus > count * 1e9)) {
    throw invalidArgument(
      `range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`,
    );
  }
  if (cpuPeriodUs !== undefined && (cpuPeriodUs < 1000 || cpuPeriodUs > 1_000_000)) {
    throw invalidArgument(
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    );
  }
  if (cpuQuotaUs !== undefined && cpuQuotaUs > 0 && cpuQuotaUs < 1000) {
    throw invalidArgument('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  }
}

function validateSet(
  what: string,
  name: string,
  { requested, available }: { readonly requested: string; readonly available: string | undefined },
): void {
  if (requested === '' || available === undefined) return;
  const numbers = parseCpuList(requested);
  if (numbers === undefined) throw invalidArgument(`Invalid value ${requested} for cpuset ${name}`);
  if (parseCpuList(available)?.isSupersetOf(numbers) === true) return;
  throw invalidArgument(
    `Requested ${what} are not available - requested ${requested}, available: ${available}`,
  );
}
