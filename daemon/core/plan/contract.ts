import type { PlacedWrites } from '../../../runtime/cgroup/writes.ts';
import type { Spec } from '../../../runtime/spec.ts';
import type { StartFailure } from '../containers/start-failure.ts';
import type { MountPoint } from '../create-request.ts';
import type { Sandbox } from '../networks/types.ts';
import type { PublishedPort } from '../ports/contract.ts';

/** What a request would make, and what its start would do: found out by what creates and starts containers, and made by nobody. */
export interface ContainerPlan<C> {
  /** As it would be shown; its id is one that nobody gets. */
  readonly view: C;
  readonly isNameGenerated: boolean;
  /** False: it would have to be pulled. What it says itself (its user, its program, its volumes) is left out then. */
  readonly isImageThere: boolean;
  /** In docker's words, as create would return them. */
  readonly warnings: readonly string[];
  readonly mounts: readonly PlannedMount[];
  readonly start: StartPlan;
}

export interface PlannedMount {
  readonly point: MountPoint;
  /** Of a volume or a bind's source: `made` does not exist yet; `missing` would not be made either. */
  readonly source: 'there' | 'made' | 'missing';
  /** Whether what the image has there is copied into the volume. */
  readonly fill: boolean;
}

/** As things are now: the host, other containers and other programs may have changed by the time of a start. */
export interface StartPlan {
  /** Undefined when a problem is in its way. */
  readonly sandbox: Sandbox | undefined;
  readonly ports: readonly PublishedPort[];
  /** Undefined when a problem is in its way. */
  readonly spec: Spec | undefined;
  readonly cgroupPath: string;
  readonly limits: readonly PlacedWrites[];
  readonly seccomp: { readonly profile: string; readonly instructions: number };
  /** Every reason why a start would fail, in the words of that failure. */
  readonly problems: readonly StartFailure[];
}
