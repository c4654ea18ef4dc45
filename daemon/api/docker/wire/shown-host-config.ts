import type { HostOptions } from '../../../core/contract.ts';
import { differs, type ApiVersion } from '../versions.ts';
import type { HostConfig } from './host-config.ts';

/**
 * The HostConfig that inspect shows: every field of docker's, in its order, with its zero values and what the daemon filled
 * in. `null`, `[]` and missing are different to typed clients, so a list keeps what the client sent.
 */
export function shownHostConfig(
  sent: HostConfig,
  options: Omit<HostOptions, 'raw'>,
  version: ApiVersion,
): Readonly<Record<string, unknown>> {
  const { resources } = options;
  const memory = resources.memoryBytes ?? 0;
  return {
    Binds: sent.Binds ?? null,
    ContainerIDFile: '',
    LogConfig: { Type: options.logDriver, Config: options.logOptions },
    NetworkMode: options.networkMode,
    PortBindings: {},
    RestartPolicy: {
      Name: options.restartPolicy.name,
      MaximumRetryCount: options.restartPolicy.maximumRetryCount,
    },
    AutoRemove: options.autoRemove,
    VolumeDriver: '',
    VolumesFrom: null,
    ConsoleSize: differs.takesConsoleSize(version) ? pair(sent.ConsoleSize) : [0, 0],
    CapAdd: sent.CapAdd ?? null,
    CapDrop: sent.CapDrop ?? null,
    CgroupnsMode: 'private',
    Dns: sent.Dns ?? null,
    DnsOptions: sent.DnsOptions ?? null,
    DnsSearch: sent.DnsSearch ?? null,
    ExtraHosts: sent.ExtraHosts ?? null,
    GroupAdd: sent.GroupAdd ?? null,
    IpcMode: sent.IpcMode || (differs.sharesIpc(version) ? 'shareable' : 'private'),
    Cgroup: '',
    Links: null,
    OomScoreAdj: options.oomScoreAdj,
    PidMode: '',
    Privileged: options.privileged,
    PublishAllPorts: false,
    ReadonlyRootfs: options.readonlyRootfs,
    SecurityOpt: sent.SecurityOpt ?? null,
    ...(sent.Tmpfs === undefined ? {} : { Tmpfs: sent.Tmpfs }),
    UTSMode: '',
    UsernsMode: '',
    ShmSize: options.shmSizeBytes,
    ...(sent.Sysctls === undefined ? {} : { Sysctls: sent.Sysctls }),
    Runtime: 'runc',
    Isolation: '',
    CpuShares: resources.cpuShares ?? 0,
    Memory: memory,
    NanoCpus: resources.nanoCpus ?? 0,
    CgroupParent: resources.cgroupParent,
    BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: [],
    BlkioDeviceReadBps: [],
    BlkioDeviceWriteBps: [],
    BlkioDeviceReadIOps: [],
    BlkioDeviceWriteIOps: [],
    CpuPeriod: resources.cpuPeriodUs ?? 0,
    CpuQuota: resources.cpuQuotaUs ?? 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: resources.cpusetCpus,
    CpusetMems: resources.cpusetMems,
    Devices: sent.Devices ?? [],
    DeviceCgroupRules: sent.DeviceCgroupRules ?? null,
    DeviceRequests: null,
    MemoryReservation: resources.memoryReservationBytes ?? 0,
    /** Unset, it becomes twice the memory. */
    MemorySwap: resources.memorySwapBytes ?? memory * 2,
    MemorySwappiness: resources.memorySwappiness ?? null,
    OomKillDisable: resources.oomKillDisable,
    PidsLimit: resources.pidsLimit ?? null,
    Ulimits: options.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    ...(sent.Mounts === undefined ? {} : { Mounts: sent.Mounts }),
    MaskedPaths: options.privileged ? null : MASKED_PATHS,
    ReadonlyPaths: options.privileged ? null : READONLY_PATHS,
  };
}

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

const pair = (size: readonly number[] | undefined): [number, number] => [size?.[0] ?? 0, size?.[1] ?? 0];
