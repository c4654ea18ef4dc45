import { availableParallelism } from 'node:os';
import { posix } from 'node:path';
import { invalidArgument } from '../../../common/errors.ts';
import { CAPABILITIES, chooseCapabilities } from '../../../runtime/security/capabilities.ts';
import type { CreateRequest, HostOptions, HostResources } from '../contract.ts';
import { validateHealthcheck } from '../health/check.ts';
import { parseAfter, parseTimeoutMs } from '../dependencies/parse.ts';
import { parseExtraHost } from '../networks/hosts.ts';
import type { Host } from '../host.ts';
import { checkPolicy } from '../restarts/policy.ts';
import { parseRule } from '../spec/devices.ts';
import { parseSecurityOptions } from '../spec/security.ts';
import { parseSignal } from '../signals.ts';
import { checkNetworkMode } from './join-networks.ts';
import { parseBindings } from '../ports/bindings.ts';
import { parseCpuList } from './cpu-list.ts';
import { checkModes } from './namespaces.ts';

const MIN_MEMORY_BYTES = 6 << 20;
/** What `host-gateway` stands for does not matter here. */
const ANY_GATEWAY = '0.0.0.0';

/** What the host has to do with it. */
export type HostLimits = Pick<Host, 'cpuset' | 'limits' | 'hasAppArmor'>;

/**
 * Refuses what docker refuses at create, in its words, in its order. What depends on the
 * host at the moment of the start (a missing device, a bind's source) is found out then.
 */
export function validateRequest(request: CreateRequest, limits: HostLimits): void {
  if (request.workingDir !== '' && !posix.isAbsolute(request.workingDir)) {
    throw invalidArgument(
      `the working directory '${request.workingDir}' is invalid, it needs to be an absolute path`,
    );
  }
  if (request.stopSignal !== undefined) parseSignal(request.stopSignal);
  parseBindings({
    bindings: request.host.portBindings,
    publishAll: request.host.publishAllPorts,
    exposed: Object.keys(request.exposedPorts),
  });
  for (const variable of request.env) {
    if (variable === '' || variable.startsWith('=')) {
      throw invalidArgument(`invalid environment variable: ${variable}`);
    }
  }
  checkNetworkMode(request);
  validateShared(request);
  validateHealthcheck(request.healthcheck);
  parseAfter(request.labels);
  parseTimeoutMs(request.labels);
  validateHost(request.host);
  validateSecurity(request.host, limits);
  validateResources(request.host.resources, limits);
}

/** What is the host's can't be set for a container. */
function validateShared({ hostname, domainname, host }: CreateRequest): void {
  checkModes(host.namespaces);
  if (host.namespaces.uts !== 'host') return;
  if (hostname !== '') throw invalidArgument('conflicting options: hostname and the UTS mode');
  if (domainname !== '') throw invalidArgument('conflicting options: domainname and the UTS mode');
}

/** A profile that nobody enforces would be one that is ignored. */
function validateSecurity({ securityOpt }: HostOptions, { hasAppArmor }: HostLimits): void {
  const { appArmor } = parseSecurityOptions(securityOpt, false);
  if (appArmor === undefined || appArmor === 'unconfined' || hasAppArmor) return;
  throw invalidArgument(
    `invalid --security-opt: "apparmor=${appArmor}": AppArmor is not enabled on this host`,
  );
}

function validateHost(host: HostOptions): void {
  checkPolicy(host.restartPolicy);
  if (host.autoRemove && host.restartPolicy.name !== '' && host.restartPolicy.name !== 'no') {
    throw invalidArgument("can't create 'AutoRemove' container with restart policy");
  }
  validateCapabilities('CapAdd', host.capAdd);
  validateCapabilities('CapDrop', host.capDrop);
  chooseCapabilities({ add: host.capAdd, drop: host.capDrop, privileged: host.privileged });
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

function validateCapabilities(field: string, names: readonly string[]): void {
  for (const given of names) {
    const name = given.toUpperCase();
    const full = name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`;
    if (full === 'ALL' || CAPABILITIES.includes(full)) continue;
    throw invalidArgument(`invalid ${field}: unknown capability: ${JSON.stringify(full)}`);
  }
}

export function validateResources(
  resources: HostResources,
  { cpuset, limits }: Pick<HostLimits, 'cpuset' | 'limits'>,
): void {
  validateMemory(resources);
  if ((resources.kernelMemoryBytes ?? MIN_MEMORY_BYTES) < MIN_MEMORY_BYTES)
    throw invalidArgument('Minimum kernel memory limit allowed is 6MB');
  validateCpu(resources);
  validateRealtime(resources, limits.cpuRealtime);
  validateSet('CPUs', 'cpus', { requested: resources.cpusetCpus, available: cpuset?.cpus });
  validateSet('memory nodes', 'mems', { requested: resources.cpusetMems, available: cpuset?.mems });
  const { blkioWeight } = resources;
  if (blkioWeight !== undefined && (blkioWeight < 10 || blkioWeight > 1000)) {
    throw invalidArgument('Range of blkio weight is from 10 to 1000');
  }
}

function validateRealtime(resources: HostResources, isThere: boolean): void {
  const { cpuRealtimePeriodUs: period, cpuRealtimeRuntimeUs: runtime } = resources;
  if ((period ?? runtime) !== undefined && !isThere)
    throw invalidArgument('kernel does not support CPU real-time scheduler');
  if (period !== undefined && runtime !== undefined && runtime > period)
    throw invalidArgument('cpu real-time runtime cannot be higher than cpu real-time period');
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

function validateCpu({ nanoCpus, cpuShares, cpuPeriodUs, cpuQuotaUs }: HostResources): void {
  if ((cpuShares ?? 0) < 0)
    throw invalidArgument(`invalid CPU shares (${cpuShares}): value must be a positive integer`);
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
