import type { Socket } from 'node:net';
import type { Ctx } from '../../common/ctx.ts';
import type { ContainerFiles } from './archive/contract.ts';
import type { Disk } from '../../image/disk.ts';
import type { Archives, Change, CommitRequest } from '../../image/archives.ts';
import type { Images, ImageConfig } from '../../image/images.ts';
import type { Limit } from '../../image/workers/jobs.ts';
import type { Statistics } from '../../runtime/cgroup/live/statistics.ts';
import type { PublishedPort } from './ports/contract.ts';
import type { PortReach } from './reach/contract.ts';
import type { Storage } from './disk/contract.ts';
import type { NetworkVerbs } from './connections/contract.ts';
import type { Sandbox } from './networks/types.ts';
import type { Health } from './health/contract.ts';
import type { RestartRecord } from './restarts/contract.ts';
import type { KernelLimits } from './kernel-limits.ts';
import type { Operations } from './operations/contract.ts';
import type { Runtimes } from './runtimes/contract.ts';
import type { ContainerPlan } from './plan/contract.ts';
import type { ImageId, OverlayDirs } from '../../image/snapshots.ts';
import type { Transfers } from '../../image/transfers.ts';
import type { Volumes } from './volumes/contract.ts';
import type { CreateRequest, HostOptions, MountPoint, HostResources } from './create-request.ts';
import type { Events } from './events/contract.ts';

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
  /** What is being done at the moment. */
  readonly operations: Pick<Operations, 'of' | 'all'>;
  readonly containers: Containers;
  readonly files: ContainerFiles;
  readonly execs: Execs;
  readonly networks: NetworkVerbs;
  /** Who gets to the published ports of a running container; see reach/explain.ts. */
  readonly explainPorts: (reference: string) => Promise<readonly PortReach[]>;
  readonly events: Events;
  readonly info: () => EngineInfo;
}

/** What clients ask for, and events, stand in files of their own. */
export type {
  CreateRequest,
  HostOptions,
  NamespaceModes,
  Bind,
  VolumeUse,
  ImageMount,
  MountPoint,
  HostResources,
  BlkioDevices,
  DeviceRate,
} from './create-request.ts';
export type { Event, EventRange, Events } from './events/contract.ts';

// ---------------------------------------------------------------- containers

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
  /** As docker shows it: of the driver json-file only. */
  readonly logPath: string;
  readonly hostnamePath: string;
  readonly hostsPath: string;
  readonly resolvConfPath: string;
  readonly overlay: OverlayDirs;
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
  /** Undefined: every line was written. In memory alone; events tell of it for good. */
  readonly logLoss?: LogLoss;
}

/** What of a container's log could not be written, by a full disk for example. */
export interface LogLoss {
  /** Of its file, since the container started. */
  readonly lostBytes: number;
  /** `ENOSPC`; undefined: it is written again. */
  readonly errno: string | undefined;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed' | 'healthy';

export interface Containers {
  /** Throws `not-found` `No such image: x:latest`, `conflict` for a taken name, `invalid-argument`. */
  create(ctx: Ctx, request: CreateRequest): Promise<{ id: string; warnings: readonly string[] }>;
  /** What `create`, and `start` after it, would do; nothing is made. Throws as `create`; with `pulls` not for a missing image. */
  plan(
    ctx: Ctx,
    asked: { readonly request: CreateRequest; readonly pulls: boolean },
  ): Promise<ContainerPlan<Container>>;
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
  /**
   * Changes what a container was made with, live where that is possible; else a running one is stopped and started anew, with its id,
   * name, addresses, volumes and layer. Publishes `update`. All or nothing: with a failure it is, and runs, as before. With `dryRun`
   * nothing is changed. Throws as create, `conflict` for one that is paused or goes.
   */
  edit(
    ctx: Ctx,
    asked: { readonly reference: string; readonly change: ContainerEdit; readonly dryRun: boolean },
  ): Promise<EditResult>;
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
  /** What is missing stays, of the back-off too. */
  readonly restartPolicy: Partial<HostOptions['restartPolicy']> | undefined;
  /** The fields that the client sent, for inspect. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What is given replaces all of its kind; what is missing stays. */
export interface ContainerEdit {
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly env: readonly string[] | undefined;
  readonly healthcheck: CreateRequest['healthcheck'];
  readonly exposedPorts: CreateRequest['exposedPorts'] | undefined;
  readonly portBindings: HostOptions['portBindings'] | undefined;
  readonly mounts:
    | {
        readonly volumes: CreateRequest['volumes'];
        readonly host: Pick<HostOptions, 'binds' | 'volumes' | 'imageMounts' | 'tmpfs'>;
      }
    | undefined;
  readonly update: ContainerUpdate;
  /** The fields of HostConfig that the client sent, for inspect. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface EditResult {
  /** What has changed, in words for people. */
  readonly live: readonly string[];
  /** What has changed that a running process can't be given. */
  readonly anew: readonly string[];
  /** It ran, and was stopped and started for it. */
  readonly restarted: boolean;
  readonly warnings: readonly string[];
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
      /** Undefined: detached. `framed`: with docker's headers, whatever the exec has for a terminal. */
      readonly client:
        { readonly socket: Socket; readonly head: Uint8Array; readonly framed: boolean } | undefined;
    },
  ): Promise<void>;
  resize(ctx: Ctx, id: string, size: { rows: number; columns: number }): Promise<void>;
}

// ---------------------------------------------------------------- info

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
  /** What the host's cgroups can limit. */
  readonly limits: KernelLimits;
  /** How those are held to a size that have one. */
  readonly sizeLimits: { readonly containers: Limit; readonly volumes: Limit };
  readonly ipv4Forwarding: boolean;
  readonly goroutines: number;
  readonly openFiles: number;
  readonly eventsListeners: number;
  readonly startedAt: string;
  /** Other OCI runtimes, by their names; and that of who asks for none. */
  readonly runtimes: Runtimes;
  readonly defaultRuntime: string;
  /** Path of what `--init` gives a container; docker's name for it, when that is our own. */
  readonly initBinary: string;
  readonly labels: readonly string[];
  readonly hasAppArmor: boolean;
  /** Of containers that ask for nothing else. */
  readonly noNewPrivileges: boolean;
  readonly ownCgroupNamespace: boolean;
}
