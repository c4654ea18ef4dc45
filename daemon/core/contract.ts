import type { Socket } from 'node:net';
import type { Ctx } from '../../common/ctx.ts';
import type { ContainerFiles } from './archive/contract.ts';
import type { Disk } from '../../image/disk.ts';
import type { Archives, Change, CommitRequest } from '../../image/archives.ts';
import type { Images, ImageConfig } from '../../image/images.ts';
import type { Statistics } from '../../runtime/cgroup/live/statistics.ts';
import type { DeviceRequest } from './cdi/contract.ts';
import type { PortSettings } from './ports/bindings.ts';
import type { PublishedPort } from './ports/contract.ts';
import type { Storage } from './disk/contract.ts';
import type { NetworkVerbs } from './connections/contract.ts';
import type { EndpointSettings, Sandbox } from './networks/types.ts';
import type { Health, Healthcheck } from './health/contract.ts';
import type { RestartPolicy, RestartRecord } from './restarts/contract.ts';
import type { ImageId } from '../../image/snapshots.ts';
import type { Transfers } from '../../image/transfers.ts';
import type { Volumes } from './volumes/contract.ts';

/**
 * The engine as its doors see it (docker's REST now; containerd's gRPC and the CRI later). Doors convert wire types to these
 * and back, and own nothing. Reads are synchronous and take no lock: they read the last published state.
 */
export interface Engine {
  readonly images: Images;
  readonly transfers: Transfers;
  readonly archives: Archives;
  readonly disk: Disk;
  readonly storage: Storage<Container>;
  readonly volumes: Volumes;
  readonly containers: Containers;
  readonly files: ContainerFiles;
  readonly execs: Execs;
  readonly networks: NetworkVerbs;
  readonly events: Events;
  readonly info: () => EngineInfo;
}

// ---------------------------------------------------------------- containers

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
  readonly autoRemove: boolean;
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

export type ContainerState =
  | { readonly kind: 'created'; readonly error: string; readonly exitCode: number }
  | {
      readonly kind: 'starting';
      /** What a failed start leads back to; unset: it never ran. */
      readonly before?: Extract<ContainerState, { readonly kind: 'exited' | 'restarting' }>;
    }
  | ({ readonly kind: 'running' } & RunningSince)
  /** Running, and frozen by its cgroup. */
  | ({ readonly kind: 'paused' } & RunningSince)
  | ({ readonly kind: 'exited' } & EndedRun)
  /** Ended, and started again at `restartAt` by its policy, unless a client stops it before. */
  | ({ readonly kind: 'restarting'; readonly restartAt: string } & EndedRun)
  | {
      readonly kind: 'removing';
      readonly exitCode: number;
      /** With its anonymous volumes. */
      readonly volumes?: boolean;
    }
  | { readonly kind: 'dead'; readonly exitCode: number; readonly error: string };

interface RunningSince {
  readonly pid: number;
  readonly startedAt: string;
  /** Of the run before; unset: there was none. */
  readonly lastFinishedAt?: string;
}

interface EndedRun {
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** A published snapshot of one container. Immutable. Times are RFC 3339 with nanoseconds. */
export interface Container {
  readonly id: string;
  /** Without slash. */
  readonly name: string;
  readonly createdAt: string;
  readonly imageId: string;
  /** As the client named it. */
  readonly imageName: string;
  /** Entry point and command merged: what runs. */
  readonly path: string;
  readonly args: readonly string[];
  /** The request merged with the image's defaults. */
  readonly config: CreateRequest & { readonly imageConfig: ImageConfig };
  readonly state: ContainerState;
  readonly restarts: RestartRecord;
  readonly logPath: string;
  readonly hostnamePath: string;
  readonly hostsPath: string;
  readonly resolvConfPath: string;
  readonly overlay: { readonly lower: readonly string[]; readonly upper: string; readonly work: string };
  /** Its network namespace; undefined while not running. */
  readonly sandbox: Sandbox | undefined;
  /** Path of it that CNI plugins can join; '' without one of its own, and while not running. */
  readonly sandboxKey: string;
  /** What it is reached by from outside while it runs. */
  readonly ports: readonly PublishedPort[];
  readonly mounts: readonly MountPoint[];
  readonly execIds: readonly string[];
  /** As of its last probe; undefined without a healthcheck, and before its first start. */
  readonly health: Health | undefined;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed' | 'healthy';

export interface Containers {
  /** Throws `not-found` `No such image: x:latest`, `conflict` for a taken name, `invalid-argument`. */
  create(ctx: Ctx, request: CreateRequest): Promise<{ id: string; warnings: readonly string[] }>;
  list(): readonly Container[];
  /** By name (with or without slash), id or unique id prefix. Throws `not-found` `No such container: x`. */
  get(reference: string): Container;
  /** Throws `not-modified` when running. A failure leaves the container `created` with its error and exit code 126, 127 or 128. */
  start(ctx: Ctx, reference: string, options?: { readonly detachKeys?: string }): Promise<void>;
  /** Stop signal, then SIGKILL after the time-out (undefined: the container's, then 10 s; -1: never). Throws `not-modified` when not running. */
  stop(
    ctx: Ctx,
    reference: string,
    options: { readonly signal: string | undefined; readonly timeoutS: number | undefined },
  ): Promise<void>;
  restart(
    ctx: Ctx,
    reference: string,
    options: { readonly signal: string | undefined; readonly timeoutS: number | undefined },
  ): Promise<void>;
  /** `KILL`, `SIGKILL`, `9`. Throws `conflict` when not running: `container <id> is not running`. */
  kill(ctx: Ctx, reference: string, signal: string): Promise<void>;
  /**
   * Freezes every process of the container; publishes `pause`. Throws `conflict`: `container <id> is not running`,
   * `Container <id> is already paused`. Whatever ends the container thaws it.
   */
  pause(ctx: Ctx, reference: string): Promise<void>;
  /** Lets it go on; publishes `unpause`. Throws `internal`, as docker: `Container <id> is not paused`. */
  unpause(ctx: Ctx, reference: string): Promise<void>;
  rename(ctx: Ctx, reference: string, name: string): Promise<void>;
  /** Throws `conflict` with docker's text for a running container unless forced. */
  remove(
    ctx: Ctx,
    reference: string,
    options: { readonly force: boolean; readonly volumes: boolean },
  ): Promise<void>;
  resize(ctx: Ctx, reference: string, size: { rows: number; columns: number }): Promise<void>;
  /**
   * Registered synchronously: an exit right after the call is not missed. The result is for the client. `healthy`: 0 when it is, the
   * exit code and an error when it ends first; throws `conflict` for a container without a healthcheck.
   */
  wait(
    ctx: Ctx,
    reference: string,
    condition: WaitCondition,
  ): Promise<{ exitCode: number; error: string | undefined }>;
  /**
   * Connects a hijacked client. Before start it waits for the start. With `logs` what was logged so far is sent first.
   * The caller has answered the HTTP request already; `check` is what to call before it does.
   */
  attach(ctx: Ctx, reference: string, request: AttachRequest): Promise<void>;
  /** Throws what attach would refuse, before the connection is hijacked. */
  checkAttach(reference: string, detachKeys?: string): Container;
  logs(ctx: Ctx, reference: string, request: LogsRequest): AsyncIterable<LogChunk>;
  /** A new image of what the container changed; publishes `commit`. Throws `conflict` for one that is being removed. */
  commit(ctx: Ctx, reference: string, request: ContainerCommit): Promise<ImageId>;
  /** The whole root as a tar; publishes `export`. Throws before the first byte, `conflict` for one that is being removed. */
  export(ctx: Ctx, reference: string): Promise<AsyncIterable<Uint8Array>>;
  /**
   * The container's processes in the columns that arguments of ps ask for (empty: `-ef`); publishes `top`. Throws `conflict` for
   * one that does not run, `invalid-argument` for what we can't show.
   */
  top(ctx: Ctx, reference: string, psArguments: string): Promise<ProcessTable>;
  /**
   * What the container uses, every second, the first at once; undefined while it does not run. Ends when it is removed. However
   * many watch, the kernel is asked once.
   */
  stats(ctx: Ctx, reference: string): AsyncIterable<ContainerSample | undefined>;
  /** The same, once. */
  sample(ctx: Ctx, reference: string): Promise<ContainerSample | undefined>;
  /**
   * Changes limits, live if it runs, and the restart policy; publishes `update`. All or nothing. Returns warnings. Throws `conflict`
   * and `invalid-argument` in docker's words.
   */
  update(ctx: Ctx, reference: string, change: ContainerUpdate): Promise<readonly string[]>;
  /** What differs from the image. */
  changes(ctx: Ctx, reference: string): Promise<readonly Change[]>;
}

export interface ProcessTable {
  readonly titles: readonly string[];
  /** A cell for each title. */
  readonly rows: readonly (readonly string[])[];
}

export interface ContainerUpdate {
  /** What is missing stays. A limit of processes that is negative is none. */
  readonly resources: Partial<
    Omit<
      HostResources,
      | 'oomKillDisable'
      | 'memorySwappiness'
      | 'blkioDevices'
      | 'kernelMemoryTcpBytes'
      | 'devices'
      | 'deviceCgroupRules'
      | 'cgroupParent'
    >
  >;
  readonly restartPolicy: HostOptions['restartPolicy'] | undefined;
  /** The fields that the client sent, for inspect. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface ContainerSample {
  readonly readAt: string;
  readonly usage: Statistics;
  /** Of all processors together, idle time too. */
  readonly hostCpuNs: bigint;
  readonly onlineCpus: number;
  readonly hostMemoryBytes: number;
  /** By name, without the loopback; empty on the host's network. */
  readonly networks: Readonly<Record<string, InterfaceCounters>>;
}

export interface InterfaceCounters {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** What `POST /commit` asks for. */
export interface ContainerCommit extends Pick<CommitRequest, 'reference' | 'changes' | 'author' | 'comment'> {
  /** Freezes a running container meanwhile. */
  readonly pause: boolean;
  /** Merged over the container's own; undefined: that alone. */
  readonly config: ImageConfig | undefined;
}

export interface AttachRequest {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly stream: boolean;
  readonly logs: boolean;
  /** Docker's syntax: `ctrl-p,ctrl-q`. */
  readonly detachKeys: string | undefined;
  /** Output without docker's frames, tty or not. */
  readonly plain?: boolean;
  readonly socket: Socket;
  /** Bytes after the request's head that were read already. */
  readonly head: Uint8Array;
}

export interface LogsRequest {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** Undefined: all. */
  readonly tail: number | undefined;
  /** Nanoseconds since the epoch. */
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
}

export interface LogChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
}

// ---------------------------------------------------------------- exec

export interface ExecCreateRequest {
  readonly container: string;
  readonly cmd: readonly string[];
  readonly env: readonly string[];
  readonly user: string;
  readonly workingDir: string;
  readonly tty: boolean;
  readonly privileged: boolean;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly detachKeys: string | undefined;
  readonly consoleSize: { readonly rows: number; readonly columns: number } | undefined;
}

export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly request: ExecCreateRequest;
  readonly state:
    | { readonly kind: 'created' }
    | { readonly kind: 'starting' }
    | { readonly kind: 'running'; readonly pid: number }
    | { readonly kind: 'exited'; readonly exitCode: number; readonly pid: number };
}

export interface Execs {
  /** Throws `conflict` `container <id> is not running`. */
  create(ctx: Ctx, request: ExecCreateRequest): Promise<string>;
  /** Throws `not-found` `No such exec instance: x`. */
  get(id: string): Exec;
  /** `conflict` if it was started before; the program's failure is docker's text, exit code 126 or 127. */
  start(
    ctx: Ctx,
    id: string,
    options: {
      readonly consoleSize: { readonly rows: number; readonly columns: number } | undefined;
      /** Undefined: detached. */
      readonly client: { readonly socket: Socket; readonly head: Uint8Array } | undefined;
    },
  ): Promise<void>;
  resize(ctx: Ctx, id: string, size: { rows: number; columns: number }): Promise<void>;
}

// ---------------------------------------------------------------- networks, events, info

/** Docker's event message without its wire quirks. */
export interface Event {
  readonly type: 'container' | 'image' | 'network' | 'daemon' | 'volume';
  /** `create`, `start`, `die`, `exec_start: ls`, ... */
  readonly action: string;
  readonly actorId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly timeNs: bigint;
  /** Counts up by one, and stays the event's own over restarts of the daemon. */
  readonly id: number;
}

export interface EventRange {
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
  /** Goes on behind the event of this id, whatever `sinceNs` says. */
  readonly afterId?: number | undefined;
}

export interface Events {
  publish(event: Omit<Event, 'timeNs' | 'id'>): void;
  /**
   * What the journal has of the range, then what happens, until `untilNs` or the signal: each event once, in order, however slow
   * the reader. Where the journal has events no more, an event `daemon` `gap` says how many (attribute `missed`).
   */
  subscribe(ctx: Ctx, range: EventRange): AsyncIterable<Event>;
}

export interface EngineInfo {
  readonly id: string;
  readonly name: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly osVersion: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly cgroupVersion: '1' | '2';
  readonly goroutines: number;
  readonly openFiles: number;
  readonly eventsListeners: number;
  readonly startedAt: string;
  /** Path of what `--init` gives a container; docker's name for it, when that is our own. */
  readonly initBinary: string;
  readonly labels: readonly string[];
  readonly warnings: readonly string[];
}
