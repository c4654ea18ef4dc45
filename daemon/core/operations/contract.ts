import type { Ctx } from '../../../common/ctx.ts';

/** What an operation is about. */
export interface Subject {
  readonly kind: 'container' | 'exec' | 'network' | 'volume' | 'image' | 'snapshot';
  /** Of a container its id; of a snapshot of containerd's API its namespace and key, with a slash between; of the others their name or id, as the client has it; empty: all of them, or one without a name yet. */
  readonly id: string;
}

export interface Operation {
  /** The verb: `stop`. */
  readonly name: string;
  readonly subject: Subject;
}

/** An operation that is under way. */
export interface OperationView extends Operation {
  /** RFC 3339. */
  readonly since: string;
  /** What it waits for, in words; empty while it works. */
  readonly waitsFor: string;
  /** Whether it has not begun, since another holds the container. */
  readonly queued: boolean;
}

/** All that is being done, for who wonders why something takes so long. Reads take no lock. */
export interface Operations {
  /** Does `work` as an operation that is shown until it is done; it notes what it waits for in the context that it gets. */
  run<T>(ctx: Ctx, what: Operation, work: (ctx: Ctx) => Promise<T>): Promise<T>;
  /** Those on one container, oldest first. */
  of(containerId: string): readonly OperationView[];
  /** Oldest first. */
  all(): readonly OperationView[];
}
