import Type from 'typebox';

/** Docker's Resources on the wire: a part of HostConfig, and with a restart policy the body of an update. */
const optional = Type.Optional;
const strings = Type.Array(Type.String());
const stringMap = Type.Record(Type.String(), Type.String());

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

export const RESOURCES = {
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
} as const;
