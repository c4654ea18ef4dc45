import type { Ctx } from '../../../common/ctx.ts';
import type { Digest } from '../../../image/digest.ts';
import type { Target } from '../../../image/namespaces/contract.ts';
import type { Scope } from '../../../image/namespaces/scope.ts';
import type { Statistics } from '../../../runtime/cgroup/live/statistics.ts';
import type { UnifiedCounts } from '../../../runtime/cgroup/live/unified.ts';
import type { Resources } from '../../../runtime/spec.ts';

/** What a task's cgroup says, by the version of the host's cgroups: version 1 as runc tells it, 2 as the kernel does. */
export type TaskStatistics =
  | { readonly version: '1'; readonly statistics: Statistics }
  | { readonly version: '2'; readonly counts: UnifiedCounts };

/**
 * The processes of containers as containerd's API has them. A task is the first process of a container, made and started in two
 * steps; further processes have an id each. A container that this API made runs as one with another runtime does: a shim, and in it
 * `<runtime> create`, by default our own `wherry-runtime`, whose `--root` is `<execRoot>/runtime/<namespace>`. In namespace `moby`
 * the tasks are docker's containers that run: they are started and removed by docker's API, everything else is done here.
 *
 * Everything is by namespace. An exit is kept until `delete`, also over restarts of the daemon. Refusals carry containerd's texts:
 * `not-found` `task x not found`, `process y: not found`.
 */
export interface Tasks {
  /**
   * The init waits for `start`. Throws `already-exists`; `not-found` and `invalid-argument` for a checkpoint; what the runtime said
   * when it failed, with nothing left.
   */
  create(ctx: Ctx, namespace: string, request: CreateTask): Promise<number>;
  /** The task's, or that of an exec that was added. Returns its process id. */
  start(ctx: Ctx, process: ProcessRef): Promise<number>;
  /** Throws for one that runs: `cannot delete a running process`. With the task its execs go. */
  delete(ctx: Ctx, process: ProcessRef): Promise<DeletedProcess>;
  get(process: ProcessRef): Promise<TaskProcess>;
  list(namespace: string): Promise<readonly TaskProcess[]>;
  /** Throws `not-found`: `process already finished`. */
  kill(ctx: Ctx, process: ProcessRef, how: { readonly signal: number; readonly all: boolean }): Promise<void>;
  /** Adds a process to a task: it waits for `start`. */
  exec(ctx: Ctx, request: ExecTask): Promise<void>;
  resize(
    ctx: Ctx,
    process: ProcessRef,
    size: { readonly rows: number; readonly columns: number },
  ): Promise<void>;
  /** Nothing more will be written into its stdin: what is in the FIFO still arrives. */
  closeStdin(process: ProcessRef): Promise<void>;
  pause(ctx: Ctx, task: TaskRef): Promise<void>;
  resume(ctx: Ctx, task: TaskRef): Promise<void>;
  /** Of the host, with the exec whose first it is. */
  pids(task: TaskRef): Promise<readonly { readonly pid: number; readonly execId: string | undefined }[]>;
  /** Undefined for one whose cgroup is gone. */
  statistics(task: TaskRef): Promise<TaskStatistics | undefined>;
  update(ctx: Ctx, task: TaskRef, resources: Resources): Promise<void>;
  /** Writes the processes down, by the runtime; they go on unless told. Returns what content that has made. */
  checkpoint(ctx: Ctx, task: TaskRef, request: CheckpointTask): Promise<readonly Target[]>;
  /** Resolves at its end, at once when that was before. */
  wait(ctx: Ctx, process: ProcessRef): Promise<ProcessExit>;
  /** Calls the listener with what happens from now on, in order. It must not throw. */
  watch(listener: (event: TaskEvent) => void): Disposable;
}

export interface TaskRef {
  readonly namespace: string;
  readonly id: string;
}

export interface ProcessRef extends TaskRef {
  /** Undefined: the task's own. */
  readonly execId: string | undefined;
}

/** As the client names them: paths of FIFOs, `file://`, `binary://`; '' for none. With a terminal there is no stderr. */
export interface TaskStdio {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
}

export interface CreateTask {
  readonly id: string;
  readonly stdio: TaskStdio;
  /** Mounted one over the other as the root, in the container's mount namespace alone; none: the spec names a directory. */
  readonly rootfs: readonly RootMount[];
  readonly options: RuntimeOptions;
  /** What `checkpoint` wrote: `start` goes on from there. What the container is and may is its own specification's to say. */
  readonly checkpoint: RestoreFrom | undefined;
}

export type RestoreFrom =
  | { readonly kind: 'directory'; readonly path: string }
  /** Its tar. */
  | { readonly kind: 'content'; readonly digest: Digest };

/** A mount specification of containerd: `overlay` with `lowerdir=...`, or a bind. */
export interface RootMount {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** Of `containerd.runc.v1.Options`, what is not its default. */
export interface RuntimeOptions {
  /** A program, in the place of our own. */
  readonly binary: string;
  /** Of its state, in the place of `<execRoot>/runtime`; the namespace is appended. */
  readonly root: string;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly systemdCgroup: boolean;
}

export interface ExecTask extends ProcessRef {
  readonly execId: string;
  readonly stdio: TaskStdio;
  /** JSON of runtime-spec's Process. */
  readonly process: Uint8Array;
}

export interface CheckpointTask {
  readonly into:
    | { readonly kind: 'directory'; readonly path: string }
    /** With the container's specification, as whoever restores it wants it. */
    | { readonly kind: 'content'; readonly scope: Scope; readonly config: Uint8Array };
  /** Of CRIU's log; undefined: the bundle. */
  readonly work: string | undefined;
  readonly exit: boolean;
  readonly openTcp: boolean;
  readonly externalUnixSockets: boolean;
  readonly shellJob: boolean;
  readonly fileLocks: boolean;
  readonly emptyNamespaces: readonly string[];
  readonly cgroupsMode: string;
}

export interface ProcessExit {
  /** As a shell counts. */
  readonly code: number;
  readonly atNs: bigint;
}

export interface DeletedProcess extends ProcessExit {
  readonly pid: number;
}

export type ProcessStatus = 'created' | 'running' | 'paused' | 'stopped';

export interface TaskProcess extends ProcessRef {
  readonly pid: number;
  readonly status: ProcessStatus;
  readonly stdio: TaskStdio;
  readonly exit: ProcessExit | undefined;
}

export type TaskEvent = TaskRef &
  (
    | {
        readonly kind: 'create';
        readonly pid: number;
        readonly bundle: string;
        readonly rootfs: readonly RootMount[];
        readonly stdio: TaskStdio;
        readonly checkpoint: string;
      }
    | { readonly kind: 'start'; readonly pid: number }
    | {
        readonly kind: 'exit';
        readonly execId: string | undefined;
        readonly pid: number;
        readonly exit: ProcessExit;
      }
    | { readonly kind: 'delete'; readonly pid: number; readonly exit: ProcessExit }
    | { readonly kind: 'oom' | 'paused' | 'resumed' }
    | { readonly kind: 'exec-added'; readonly execId: string }
    | { readonly kind: 'exec-started'; readonly execId: string; readonly pid: number }
    | { readonly kind: 'checkpointed'; readonly checkpoint: string }
    /** Docker's containers come and go with their tasks. `runtime` undefined: our own. */
    | { readonly kind: 'container-created'; readonly runtime: string | undefined }
    | { readonly kind: 'container-deleted' }
  );
