import type { Entry } from '../containers/table.ts';
import type { HealthTable } from './table.ts';

/** Who looks after the health of all containers, as the verbs of the engine see him. Nothing here throws or waits. */
export interface HealthKeeper {
  readonly kept: HealthTable;
  /** A container's run has begun, or was found again. */
  begin(entry: Entry): void;
  /** It goes on after a pause. */
  watch(entry: Entry): void;
  /** It is to be paused, or has ended. A probe that is under way does not count; resolves when it has ended. */
  rest(entry: Entry): Promise<void>;
  /** It is removed. */
  forget(entry: Entry): void;
  /** Shows what the last daemon knew; drops what is of containers that are gone. */
  recover(): void;
  close(): void;
}
