import Type, { type Static } from 'typebox';
import { RestartPolicyBody } from './restart-policy.ts';

/** Docker's HostConfig on the wire. */
const optional = Type.Optional;
const strings = Type.Array(Type.String());
const stringMap = Type.Record(Type.String(), Type.String());

export const Mount = Type.Object({
  Type: optional(Type.String()),
  Source: optional(Type.String()),
  Target: optional(Type.String()),
  ReadOnly: optional(Type.Boolean()),
  Consistency: optional(Type.String()),
  BindOptions: optional(
    Type.Object({
      Propagation: optional(Type.String()),
      NonRecursive: optional(Type.Boolean()),
      CreateMountpoint: optional(Type.Boolean()),
      ReadOnlyNonRecursive: optional(Type.Boolean()),
      ReadOnlyForceRecursive: optional(Type.Boolean()),
      /** Ours: the source's owner and the container's user appear in each other's place. */
      Idmap: optional(Type.Boolean()),
    }),
  ),
  VolumeOptions: optional(
    Type.Object({
      NoCopy: optional(Type.Boolean()),
      Labels: optional(stringMap),
      Subpath: optional(Type.String()),
      DriverConfig: optional(Type.Object({ Name: optional(Type.String()), Options: optional(stringMap) })),
    }),
  ),
  ImageOptions: optional(Type.Object({ Subpath: optional(Type.String()) })),
  TmpfsOptions: optional(
    Type.Object({
      SizeBytes: optional(Type.Integer()),
      Mode: optional(Type.Integer()),
      Options: optional(Type.Array(strings)),
    }),
  ),
});
export type Mount = Static<typeof Mount>;

const Device = Type.Object({
  PathOnHost: optional(Type.String()),
  PathInContainer: optional(Type.String()),
  CgroupPermissions: optional(Type.String()),
});

const Ulimit = Type.Object({
  Name: Type.String(),
  Soft: optional(Type.Integer()),
  Hard: optional(Type.Integer()),
});

/** Pairs that limit a block device. */
const rates = Type.Array(Type.Object({ Path: optional(Type.String()), Rate: optional(Type.Integer()) }));
const weights = Type.Array(Type.Object({ Path: optional(Type.String()), Weight: optional(Type.Integer()) }));

const DeviceRequest = Type.Object({
  Driver: optional(Type.String()),
  Count: optional(Type.Integer()),
  DeviceIDs: optional(strings),
  Capabilities: optional(Type.Array(strings)),
  Options: optional(stringMap),
});

const PortBinding = Type.Object({ HostIp: optional(Type.String()), HostPort: optional(Type.String()) });

export const HostConfig = Type.Object({
  Binds: optional(strings),
  Mounts: optional(Type.Array(Mount)),
  LogConfig: optional(Type.Object({ Type: optional(Type.String()), Config: optional(stringMap) })),
  NetworkMode: optional(Type.String()),
  PortBindings: optional(Type.Record(Type.String(), Type.Union([Type.Array(PortBinding), Type.Null()]))),
  PublishAllPorts: optional(Type.Boolean()),
  Links: optional(strings),
  RestartPolicy: optional(RestartPolicyBody),
  AutoRemove: optional(Type.Boolean()),
  ConsoleSize: optional(Type.Array(Type.Integer())),
  CapAdd: optional(strings),
  CapDrop: optional(strings),
  Dns: optional(strings),
  DnsOptions: optional(strings),
  DnsSearch: optional(strings),
  ExtraHosts: optional(strings),
  GroupAdd: optional(strings),
  OomScoreAdj: optional(Type.Integer()),
  Privileged: optional(Type.Boolean()),
  ReadonlyRootfs: optional(Type.Boolean()),
  SecurityOpt: optional(strings),
  Tmpfs: optional(stringMap),
  VolumeDriver: optional(Type.String()),
  VolumesFrom: optional(strings),
  ShmSize: optional(Type.Integer()),
  Sysctls: optional(stringMap),
  CpuShares: optional(Type.Integer()),
  Memory: optional(Type.Integer()),
  NanoCpus: optional(Type.Integer()),
  CgroupParent: optional(Type.String()),
  BlkioWeight: optional(Type.Integer()),
  CpuPeriod: optional(Type.Integer()),
  CpuQuota: optional(Type.Integer()),
  CpusetCpus: optional(Type.String()),
  CpusetMems: optional(Type.String()),
  Devices: optional(Type.Array(Device)),
  DeviceCgroupRules: optional(strings),
  MemoryReservation: optional(Type.Integer()),
  MemorySwap: optional(Type.Integer()),
  MemorySwappiness: optional(Type.Integer()),
  OomKillDisable: optional(Type.Boolean()),
  PidsLimit: optional(Type.Integer()),
  Ulimits: optional(Type.Array(Ulimit)),
  CgroupnsMode: optional(Type.String()),
  IpcMode: optional(Type.String()),
  PidMode: optional(Type.String()),
  UTSMode: optional(Type.String()),
  UsernsMode: optional(Type.String()),
  Cgroup: optional(Type.String()),
  ContainerIDFile: optional(Type.String()),
  Isolation: optional(Type.String()),
  Runtime: optional(Type.String()),
  Annotations: optional(stringMap),
  StorageOpt: optional(stringMap),
  BlkioWeightDevice: optional(weights),
  BlkioDeviceReadBps: optional(rates),
  BlkioDeviceWriteBps: optional(rates),
  BlkioDeviceReadIOps: optional(rates),
  BlkioDeviceWriteIOps: optional(rates),
  CpuRealtimePeriod: optional(Type.Integer()),
  CpuRealtimeRuntime: optional(Type.Integer()),
  KernelMemory: optional(Type.Integer()),
  KernelMemoryTCP: optional(Type.Integer()),
  DeviceRequests: optional(Type.Array(DeviceRequest)),
  CpuCount: optional(Type.Integer()),
  CpuPercent: optional(Type.Integer()),
  IOMaximumIOps: optional(Type.Integer()),
  IOMaximumBandwidth: optional(Type.Integer()),
  MaskedPaths: optional(strings),
  ReadonlyPaths: optional(strings),
  Init: optional(Type.Boolean()),
});
export type HostConfig = Static<typeof HostConfig>;
