import type { Resources } from '../spec.ts';
import type { CgroupLayout } from './layout.ts';

/** Where a container's cgroups are: the same path below each hierarchy. What every live operation is given. */
export interface CgroupPlace {
  readonly layout: CgroupLayout;
  /** Absolute and clean, `/wherry/<id>`. */
  readonly path: string;
}

/** Limits for a place. */
export interface CgroupLimits extends CgroupPlace {
  readonly resources: Resources;
}

/**
 * One text for one file of a cgroup. Plans and live updates both come down to a list of these, so that what a controller's file
 * is called, and in which order files are written, is said once.
 */
export interface Write {
  readonly file: string;
  readonly text: string;
  /** Errno names of opening that mean: nothing to do. */
  readonly ignoreOpen?: readonly string[];
  /** Errno names of writing that are no failure: a later write of the list says the last word. */
  readonly ignoreWrite?: readonly string[];
  /** Written instead when the file is not there. */
  readonly otherwise?: Write;
}

/** Writes of one controller. */
export interface ControllerWrites {
  /** The name that the cgroup version in question has for it: `blkio` and `io` are the same thing. */
  readonly controller: string;
  readonly writes: readonly Write[];
}

/** A scope (or slice) of systemd that holds a container. */
export interface SystemdUnit {
  /** `runc-abc.scope`. */
  readonly name: string;
  /** As the `Slice` property takes it: `system.slice`, `machine-a.slice`. */
  readonly slice: string;
}

/** Where a container's cgroups go. */
export interface ResolvedCgroups extends CgroupPlace {
  /** With the systemd driver. */
  readonly unit: SystemdUnit | undefined;
}
