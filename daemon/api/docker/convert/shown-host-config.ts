import type { HostOptions, HostResources } from '../../../core/contract.ts';
import { differs, type ApiVersion } from '../versions.ts';
import type { HostConfig } from '../wire/host-config.ts';
import { showRestartPolicy } from './restart-policy.ts';

/**
 * The HostConfig that inspect shows: every field of docker's, in its order, with its zero values and what the daemon filled
 * in. `null`, `[]` and missing are different to typed clients, so a list keeps what the client sent.
 */
export function shownHostConfig(
  sent: HostConfig,
  options: Omit<HostOptions, 'raw'>,
  version: ApiVersion,
): Readonly<Record<string, unknown>> {
  return {
    ...ZERO,
    ...asSent(sent),
    LogConfig: { Type: options.logDriver, Config: options.logOptions },
    NetworkMode: options.networkMode,
    PortBindings: showBindings(options.portBindings),
    PublishAllPorts: options.publishAllPorts,
    Links: sent.Links ?? null,
    RestartPolicy: showRestartPolicy(options.restartPolicy),
    AutoRemove: options.autoRemove,
    Runtime: options.runtime ?? 'runc',
    ...(Object.keys(options.annotations).length === 0 ? {} : { Annotations: options.annotations }),
    ConsoleSize: differs.takesConsoleSize(version) ? pair(sent.ConsoleSize) : [0, 0],
    IpcMode: options.namespaces.ipc,
    OomScoreAdj: options.oomScoreAdj,
    Privileged: options.privileged,
    ReadonlyRootfs: options.readonlyRootfs,
    ShmSize: options.shmSizeBytes,
    ...showResources(options.resources),
    ...(sent.Ulimits === undefined && options.ulimits.length === 0
      ? {}
      : {
          Ulimits: options.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
        }),
    ...(options.init === undefined ? {} : { Init: options.init }),
    ...showPaths(sent, options),
  };
}

/** Every binding with both of its fields, as Go writes them. */
export const showBindings = (bindings: HostOptions['portBindings']): object =>
  Object.fromEntries(
    Object.entries(bindings).map(([port, list]) => [
      port,
      list?.map(({ HostIp = '', HostPort = '' }) => ({ HostIp, HostPort })) ?? null,
    ]),
  );

/** What a privileged container asks for is shown, though it has none of it: docker's way. */
const showPaths = (
  { MaskedPaths, ReadonlyPaths }: HostConfig,
  { privileged }: { privileged: boolean },
): object =>
  privileged
    ? { MaskedPaths: MaskedPaths ?? null, ReadonlyPaths: ReadonlyPaths ?? null }
    : {
        ...(MaskedPaths === undefined ? {} : { MaskedPaths }),
        ...(ReadonlyPaths === undefined ? {} : { ReadonlyPaths }),
      };

/** What the daemon has settled since: names became ids, defaults were chosen, and the kernel lacks a limit. */
export function settledHostConfig({ namespaces, resources, raw, ...host }: HostOptions): object {
  const { blkioDevices: left } = resources;
  const lists = {
    BlkioWeightDevice: left.weight,
    BlkioDeviceReadBps: left.readBps,
    BlkioDeviceWriteBps: left.writeBps,
    BlkioDeviceReadIOps: left.readIops,
    BlkioDeviceWriteIOps: left.writeIops,
  };
  const dropped = Object.entries(lists).filter(([name, list]) => list.length === 0 && raw[name] !== null);
  return {
    RestartPolicy: showRestartPolicy(host.restartPolicy),
    CgroupnsMode: namespaces.cgroup,
    IpcMode: namespaces.ipc,
    PidMode: namespaces.pid,
    CpuShares: resources.cpuShares ?? 0,
    BlkioWeight: resources.blkioWeight ?? 0,
    MemoryReservation: resources.memoryReservationBytes ?? 0,
    MemorySwap: memorySwap(resources),
    MemorySwappiness: resources.memorySwappiness ?? null,
    OomKillDisable: resources.oomKillDisable,
    /** Not there where it is not set: JSON has no word for undefined. */
    KernelMemory: resources.kernelMemoryBytes,
    KernelMemoryTCP: resources.kernelMemoryTcpBytes,
    ...Object.fromEntries(dropped.map(([name]) => [name, []])),
    ...(isUnlabelled(host, namespaces) ? { SecurityOpt: [...host.securityOpt, 'label=disable'] } : {}),
  };
}

/** Docker confines nobody by SELinux who shares that much with the host. */
const isUnlabelled = (
  { privileged, securityOpt }: Pick<HostOptions, 'privileged' | 'securityOpt'>,
  { ipc, pid }: HostOptions['namespaces'],
): boolean =>
  (privileged || ipc === 'host' || pid === 'host') &&
  !securityOpt.some((option) => option.startsWith('label='));

/** Unset, it becomes twice the memory. */
const memorySwap = ({ memoryBytes = 0, memorySwapBytes = memoryBytes * 2 }: HostResources): number =>
  memorySwapBytes;

function showResources(resources: HostResources): object {
  return {
    CpuShares: resources.cpuShares ?? 0,
    Memory: resources.memoryBytes ?? 0,
    NanoCpus: resources.nanoCpus ?? 0,
    CgroupParent: resources.cgroupParent,
    BlkioWeight: resources.blkioWeight ?? 0,
    CpuPeriod: resources.cpuPeriodUs ?? 0,
    CpuQuota: resources.cpuQuotaUs ?? 0,
    CpusetCpus: resources.cpusetCpus,
    CpusetMems: resources.cpusetMems,
    MemoryReservation: resources.memoryReservationBytes ?? 0,
    MemorySwap: memorySwap(resources),
    MemorySwappiness: resources.memorySwappiness ?? null,
    OomKillDisable: resources.oomKillDisable,
    PidsLimit: resources.pidsLimit ?? null,
    CpuRealtimePeriod: resources.cpuRealtimePeriodUs ?? 0,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntimeUs ?? 0,
    ...(resources.kernelMemoryBytes === undefined ? {} : { KernelMemory: resources.kernelMemoryBytes }),
    ...(resources.kernelMemoryTcpBytes === undefined
      ? {}
      : { KernelMemoryTCP: resources.kernelMemoryTcpBytes }),
  };
}

/** Shown as the client wrote them; some only if it wrote them. */
const AS_SENT = [
  ...(['ContainerIDFile', 'UTSMode', 'UsernsMode', 'Isolation', 'DeviceRequests', 'CpuCount'] as const),
  ...(['Binds', 'CapAdd', 'CapDrop', 'Dns', 'DnsOptions', 'DnsSearch', 'ExtraHosts', 'GroupAdd'] as const),
  ...([
    'SecurityOpt',
    'Devices',
    'DeviceCgroupRules',
    'Tmpfs',
    'Sysctls',
    'StorageOpt',
    'Mounts',
    'VolumeDriver',
    'VolumesFrom',
  ] as const),
  ...(['BlkioWeightDevice', 'BlkioDeviceReadBps', 'BlkioDeviceWriteBps'] as const),
  ...(['BlkioDeviceReadIOps', 'BlkioDeviceWriteIOps'] as const),
];
/** Not there when they are empty. */
const OMIT_EMPTY: readonly string[] = ['Tmpfs', 'Sysctls', 'Mounts', 'StorageOpt'];

const asSent = (sent: HostConfig): object =>
  Object.fromEntries(
    AS_SENT.flatMap((key) => {
      const value = sent[key];
      const isGone = value === undefined || (OMIT_EMPTY.includes(key) && Object.keys(value).length === 0);
      return isGone ? [] : [[key, value]];
    }),
  );

const pair = (size: readonly number[] | undefined): [number, number] => [size?.[0] ?? 0, size?.[1] ?? 0];

/** moby's oci/defaults.go. */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** Every field that is always there, in docker's order. */
const ZERO = {
  Binds: null,
  ContainerIDFile: '',
  LogConfig: {},
  NetworkMode: '',
  PortBindings: {},
  RestartPolicy: {},
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: 'private',
  Dns: null,
  DnsOptions: null,
  DnsSearch: null,
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: '',
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  PidMode: '',
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: '',
  UsernsMode: '',
  ShmSize: 0,
  Runtime: 'runc',
  Isolation: '',
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  MaskedPaths: MASKED_PATHS,
  ReadonlyPaths: READONLY_PATHS,
} as const;
