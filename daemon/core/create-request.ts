import type { DeviceRequest } from './cdi/contract.ts';
import type { PortSettings } from './ports/bindings.ts';
import type { EndpointSettings } from './networks/types.ts';
import type { Healthcheck } from './health/contract.ts';
import type { RestartPolicy } from './restarts/contract.ts';

/** What a client asked for, defaults filled in, names in our case; image defaults are merged in by `create`. */
export interface CreateRequest {
  /** Without slash; a generated one (`adjective_surname`) if undefined. */
  readonly name: string | undefined;
  readonly image: string;
  /** `undefined`: the image's. An empty list clears it. */
  readonly entrypoint: readonly string[] | undefined;
  readonly cmd: readonly string[] | undefined;
  readonly env: readonly string[];
  readonly user: string;
  readonly workingDir: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tty: boolean;
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly stopSignal: string | undefined;
  readonly stopTimeoutS: number | undefined;
  /** `undefined`: the image's. */
  readonly healthcheck: Healthcheck | undefined;
  readonly exposedPorts: Readonly<Record<string, object>>;
  /** What only builders and Windows look at; kept for inspect. */
  readonly kept: KeptConfig;
  readonly volumes: Readonly<Record<string, object>>;
  readonly consoleSize: { readonly rows: number; readonly columns: number } | undefined;
  /** By name or id: docker's EndpointsConfig. Where the mode's network is missing, it is joined all the same. */
  readonly networks: Readonly<Record<string, EndpointSettings>>;
  readonly host: HostOptions;
}

export interface KeptConfig {
  readonly shell: readonly string[] | undefined;
  readonly onBuild: readonly string[] | undefined;
  readonly argsEscaped: boolean;
  /** The network mode is `none` then. */
  readonly networkDisabled: boolean;
}

/** Docker's HostConfig, as far as it works by now; the door refuses every other field by name when it is set. */
export interface HostOptions {
  /** `bridge` (also `default`), `none`, `host`, `container:<id>`, a network. */
  readonly networkMode: string;
  /** docker's PortBindings: `80/tcp` to addresses and ports of the host. */
  readonly portBindings: PortSettings['bindings'];
  /** Every exposed port, each at a free one of the host. */
  readonly publishAllPorts: boolean;
  /** Of the default bridge: `container:alias`. */
  readonly links: readonly string[];
  /** What the container may write to its root; undefined: as much as there is. */
  readonly rootSizeBytes?: number | undefined;
  readonly autoRemove: boolean;
  /** Of the daemon's runtimes; undefined, and a name that is none of them: our own. */
  readonly runtime?: string;
  readonly restartPolicy: RestartPolicy;
  /** Docker's `--init`; undefined: as the daemon is configured. */
  readonly init: boolean | undefined;
  readonly binds: readonly Bind[];
  readonly volumes: readonly VolumeUse[];
  readonly imageMounts: readonly ImageMount[];
  /** `container[:ro|rw]`: whose mounts it gets. */
  readonly volumesFrom: readonly string[];
  /** Of volumes that are made for it without saying more. */
  readonly volumeDriver: string;
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly readonlyRootfs: boolean;
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly groupAdd: readonly string[];
  readonly securityOpt: readonly string[];
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly shmSizeBytes: number;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly oomScoreAdj: number;
  readonly namespaces: NamespaceModes;
  readonly deviceRequests: readonly DeviceRequest[];
  /** Docker's list unless given; both are empty with `systempaths=unconfined`. */
  readonly maskedPaths: readonly string[] | undefined;
  readonly readonlyPaths: readonly string[] | undefined;
  /** Of the OCI specification. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly logDriver: string;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly resources: HostResources;
  /** The wire's whole HostConfig, unchanged: what inspect shows where nothing above overrides it. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Docker's modes in its words; empty is the daemon's default, `container:` names another container, by its id once it is created. */
export interface NamespaceModes {
  /** `private`, `shareable`, `none` (private without /dev/shm), `host`, `container:x`. */
  readonly ipc: string;
  /** Empty (private), `host`, `container:x`. */
  readonly pid: string;
  /** Empty (private) or `host`. */
  readonly uts: string;
  /** `host` or `private`; empty only until the container is created: `host` with version 1 of cgroups, else `private`. */
  readonly cgroup: string;
}

export interface Bind {
  readonly source: string;
  readonly destination: string;
  readonly readOnly: boolean;
  /** `rprivate` unless given. */
  readonly propagation: string;
  /** What the user wrote, for inspect. */
  readonly mode: string;
  /** `-v` makes a missing source, `--mount` does not. */
  readonly createSource: boolean;
  /** Without what is mounted below the source. */
  readonly nonRecursive?: boolean;
  /** How far `readOnly` goes: over all that is mounted below unless it is said that it does not. */
  readonly readOnlyTree?: 'all' | 'top';
  /** The owner of the source appears as the container's user, and the other way round. */
  readonly idmap?: boolean;
}

/** A volume that a request mounts. */
export interface VolumeUse {
  /** Empty: an anonymous one. */
  readonly name: string;
  readonly destination: string;
  readonly readOnly: boolean;
  readonly mode: string;
  /** What the image has there is not copied into an empty volume. */
  readonly noCopy: boolean;
  /** Of a directory or file in it; empty: all of it. */
  readonly subpath: string;
  /** If it has to be made. */
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** An image's files, read-only. */
export interface ImageMount {
  readonly image: string;
  readonly destination: string;
  readonly subpath: string;
}

/** What a container has mounted besides its own: settled when it is created, with all that `volumesFrom` and the image add. */
export interface MountPoint {
  readonly type: 'bind' | 'volume' | 'image';
  /** Of the volume or image; empty for a bind. */
  readonly name: string;
  /** Where the host has it; empty for a plugin's volume, the id of an image. */
  readonly source: string;
  readonly destination: string;
  /** Of a volume. */
  readonly driver: string;
  readonly mode: string;
  readonly rw: boolean;
  readonly propagation: string;
  readonly subpath: string;
  /** A volume that goes with the container if `rm -v` says so. */
  readonly anonymous: boolean;
  readonly copyUp: boolean;
  readonly createSource: boolean;
  readonly nonRecursive: boolean;
  readonly readOnlyTree: 'all' | 'top';
  readonly idmap: boolean;
  /** Of the source of one with `idmap`, for the start that is under way. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

export interface HostResources {
  readonly memoryBytes: number | undefined;
  readonly memoryReservationBytes: number | undefined;
  /** Memory plus swap; -1 is unlimited. */
  readonly memorySwapBytes: number | undefined;
  readonly memorySwappiness: number | undefined;
  readonly oomKillDisable: boolean;
  readonly nanoCpus: number | undefined;
  readonly cpuShares: number | undefined;
  readonly cpuPeriodUs: number | undefined;
  readonly cpuQuotaUs: number | undefined;
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  readonly pidsLimit: number | undefined;
  readonly blkioWeight: number | undefined;
  readonly blkioDevices: BlkioDevices;
  readonly cpuRealtimePeriodUs: number | undefined;
  readonly cpuRealtimeRuntimeUs: number | undefined;
  readonly kernelMemoryBytes: number | undefined;
  readonly kernelMemoryTcpBytes: number | undefined;
  readonly devices: readonly { readonly host: string; readonly container: string; readonly access: string }[];
  readonly deviceCgroupRules: readonly string[];
  readonly cgroupParent: string;
}

/** Limits of single block devices of the host, each by its path. */
export interface BlkioDevices {
  readonly weight: readonly { readonly path: string; readonly weight: number }[];
  /** Bytes a second, then operations a second. */
  readonly readBps: readonly DeviceRate[];
  readonly writeBps: readonly DeviceRate[];
  readonly readIops: readonly DeviceRate[];
  readonly writeIops: readonly DeviceRate[];
}

export interface DeviceRate {
  readonly path: string;
  readonly rate: number;
}
