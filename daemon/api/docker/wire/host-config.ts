import Type, { type Static } from 'typebox';
import { RESOURCES } from './resources.ts';
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
  MaskedPaths: optional(strings),
  ReadonlyPaths: optional(strings),
  Init: optional(Type.Boolean()),
  ...RESOURCES,
});
export type HostConfig = Static<typeof HostConfig>;
