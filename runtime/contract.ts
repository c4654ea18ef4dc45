import type { CgroupLayout } from './cgroup/layout.ts';
import type { PlanBuilder } from './plan/builder.ts';
import type { Plan } from './plan/types.ts';
import type { BindSource } from './rootfs/binds.ts';
import type { HostSideMount } from './rootfs/volumes.ts';
import type { Process, Spec } from './spec.ts';

/** What becomes the container's root. An overlay is mounted inside the container's mount namespace, so the host holds no mount. */
export type Rootfs =
  | {
      readonly kind: 'overlay';
      /** Topmost first. */
      readonly lower: readonly string[];
      readonly upper: string;
      readonly work: string;
      /** Skips every sync of the upper layer: only for a container that is removed at its end. */
      readonly volatile: boolean;
    }
  | { readonly kind: 'directory'; readonly path: string };

/** struct monitor_config of native/c/monitor.h. */
export interface MonitorConfig {
  readonly id: string;
  /** Of the shim's `sock` and `exit`; exists. */
  readonly directory: string;
  readonly tty: boolean;
  readonly consoleSize: { readonly rows: number; readonly columns: number } | undefined;
  readonly stdin: 'none' | 'once' | 'open';
  readonly log: LogConfig | undefined;
  /** How long pipes that a descendant keeps open are read after the exit. */
  readonly drainMs: number;
  /** File whose text goes into the exit record (v1 `memory.oom_control`). */
  readonly oomFile: string | undefined;
}

/** Who stands behind a process: the daemon's shim, or a command of the runtime. */
export type Keeper = ShimKeeper | RuntimeKeeper;

export interface ShimKeeper {
  readonly kind: 'shim';
  /** Its pipes are at 5 to 7 (native/c/monitor.h). */
  readonly monitor: MonitorConfig;
}

/** The launcher has the command's own stdio; the report socket is at 3 + preserveFds. */
export interface RuntimeKeeper {
  readonly kind: 'runtime';
  /** Descriptors 3 to 2 + preserveFds are the process's too. */
  readonly preserveFds: number;
  /** Those of 0 to 2 that become its user's: not a null device of the host. */
  readonly ownedStdio: readonly number[];
  /** An absolute directory with `exec.fifo`, in which the init waits for `start`; undefined: it goes on at once. */
  readonly startIn: string | undefined;
  /** The command acts before the root is entered: hooks, devices of the network. */
  readonly meetsAtRoot: boolean;
}

export interface LogConfig {
  readonly path: string;
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** Added to each line as docker's `attrs`. */
  readonly attrs: Readonly<Record<string, string>> | undefined;
}

/** Adds the steps that build the inside of a fresh network namespace; runs in the child right after unshare(CLONE_NEWNET). */
export interface NetworkSteps {
  /** Path of a network namespace that is there already: joined in the place of a fresh one. */
  readonly joins?: string;
  /** In the process that stays, before anything else of the plan: what it opens here it holds for as long as the container runs. */
  stay?(plan: PlanBuilder): void;
  /** Before unshare: opens what must belong to the host's namespace (a netlink socket), returns the rest. */
  prepare(plan: PlanBuilder): (plan: PlanBuilder) => void;
}

export interface LaunchRequest {
  readonly id: string;
  readonly spec: Spec;
  readonly rootfs: Rootfs;
  /** An existing empty directory of the host: the new root is mounted there in the container's own mount namespace. */
  readonly stagingDir: string;
  readonly network: NetworkSteps | undefined;
  /** Binds of `spec.mounts` whose source is what another process has at the same path. */
  readonly borrowed?: readonly BorrowedMount[];
  /** Looked at before anything else is done; none for a runtime, whose mounts say it when they fail. */
  readonly bindSources?: readonly BindSource[];
  /** Mounted in this order in the container's mount namespace, before anything is bound from there. */
  readonly hostSide?: readonly HostSideMount[];
  readonly keeper: Keeper;
  /** MS_MOVE and chroot in the place of pivot_root: for a root that is the initial ramfs. */
  readonly noPivot?: boolean;
  /** The process stays in its caller's session keyring. */
  readonly noNewKeyring?: boolean;
  /** The program begins with all signals blocked: it takes them one by one, and the first process of a namespace loses none. */
  readonly holdsSignals?: boolean;
  /** BPF of the seccomp profile (struct sock_filter[]), compiled once per profile. */
  readonly seccomp: CompiledSeccomp | undefined;
  /** Where this host's cgroup hierarchies are: `readCgroupLayout()`, read once. */
  readonly cgroups: CgroupLayout;
}

export interface BorrowedMount {
  /** Of the bind. */
  readonly destination: string;
  /** A mount point of that process; the destination unless told. */
  readonly from?: string;
  /** In the pid namespace of whoever runs the plan. */
  readonly pid: number;
}

export interface ExecRequest {
  readonly id: string;
  /** Process id of the container's init, in the daemon's pid namespace. */
  readonly pid: number;
  /** Inode numbers don't matter: a namespace is joined only if the container does not share the host's. */
  readonly spec: Spec;
  /** What is executed, where that is not the process's first argument. */
  readonly program?: string;
  /** Files of the host that become its stdin, stdout and stderr, in the place of the launcher's own. */
  readonly stdio?: readonly [string, string, string];
  readonly process: Process;
  readonly keeper: Keeper;
  /** Where the process goes below each mount point of `cgroups`, if not into the container's cgroups themselves. */
  readonly cgroupsPath?: string;
  /** As the container's init: the process stays in its caller's session keyring, else it joins the init's. */
  readonly noNewKeyring?: boolean;
  readonly seccomp: CompiledSeccomp | undefined;
  readonly cgroups: CgroupLayout;
}

export interface CompiledSeccomp {
  readonly program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_* bits. */
  readonly flags: number;
}

/** What a plan's process reported (struct plan_report). */
export interface PlanFailure {
  readonly step: number;
  readonly errno: number;
  /** Bit n: some step met errno n, ignored it and went on. */
  readonly ignored: bigint;
}

/** Pure: no system call, no clock, no randomness. `runtime/launch.ts` and `runtime/exec.ts` implement these. */
export type BuildLaunchPlan = (request: LaunchRequest) => Plan;
export type BuildExecPlan = (request: ExecRequest) => Plan;
