import type { Ctx } from '../../../common/ctx.ts';
import type { KeyedLocks } from '../../../common/locks.ts';
import type { WorkerPool } from '../../../image/workers/pool.ts';
import type { EventBus } from '../events/bus.ts';
import type { VolumeDrivers } from './drivers.ts';
import type { VolumeTable } from './table.ts';

/** What the verbs of volumes work with. */
export interface VolumeParts {
  readonly ctx: Ctx;
  readonly table: VolumeTable;
  readonly drivers: VolumeDrivers;
  readonly workers: WorkerPool;
  /** By name. A container's lock may be held meanwhile; nobody who has one of these takes a container's. */
  readonly locks: KeyedLocks;
  readonly events: Pick<EventBus, 'publish'>;
  /** Ids of containers that refer to a volume. */
  readonly users: (name: string) => readonly string[];
  /** Of those, whether one runs. */
  readonly isMounted: (name: string) => boolean;
  readonly sizes: VolumeSizes;
  /** From one local volume to another, which is empty. */
  readonly copyTree: (ctx: Ctx, from: string, to: string) => Promise<void>;
}

/** How much local volumes hold, by name, remembered for a moment. */
export interface VolumeSizes {
  /** Undefined when it took too long, or failed, which is logged. */
  of(ctx: Ctx, name: string): Promise<number | undefined>;
}
