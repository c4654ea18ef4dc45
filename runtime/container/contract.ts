import type { ResolvedCgroups } from '../cgroup/contract.ts';
import type { CgroupLayout } from '../cgroup/layout.ts';
import type { Spec } from '../spec.ts';

/** runtime-spec runtime.md, "State"; `paused` is runc's. */
export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

/** A process that is still the same one: its number with the time at which it started (field 22 of /proc/<pid>/stat, in ticks). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** What `<root>/<id>/state.json` holds. It stands before anything is made, so that `delete --force` finds what a crash left. */
export interface ContainerRecord {
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  /** Absolute, without symbolic links. */
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds. */
  readonly created: string;
  /** Who created it: a user name, or a number where there is none. */
  readonly owner: string;
  /** The configuration at creation, with what `prepareSpec` made of it. */
  readonly spec: Spec;
  /** Undefined: it is in its caller's. */
  readonly cgroups: ResolvedCgroups | undefined;
  /** Undefined until the process was forked. */
  readonly init: ProcessIdentity | undefined;
  /** `create` has finished. */
  readonly isReady: boolean;
  /** Makes `poststop` and the rest the same for a container that was restored. */
  readonly noNewKeyring: boolean;
}

/** Who makes cgroups. */
export type CgroupDriver = 'cgroupfs' | 'systemd' | 'disabled';

/** What every command knows: its global flags and its host. */
export interface Settings {
  /** Of all state directories; absolute. */
  readonly root: string;
  readonly driver: CgroupDriver;
  readonly layout: CgroupLayout;
  readonly rootless: boolean;
  /** A line for the log, of what is no failure of the command. */
  readonly warn: (message: string) => void;
}
