import { messageOf } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import type { HealthStore } from '../../store/health.ts';
import type { Health } from './contract.ts';

/** What is known of a container's health: its row. */
export interface Kept {
  readonly health: Health;
  /** Of the run that it is about. */
  readonly startedAt: string;
  /** When something was done because it was unhealthy, oldest first: milliseconds since the epoch. */
  readonly actedAtMs: readonly number[];
}

/** Who looks at one run of a container. */
export interface Monitor {
  /** Ends what it is at; resolves when that has ended. Idempotent. */
  stop(): Promise<void>;
}

/** What the engine knows of its containers' health, and who watches it. */
export interface HealthTable {
  readonly monitors: Map<string, Monitor>;
  ids(): readonly string[];
  get(id: string): Kept | undefined;
  /**
   * Written at once when it matters, else with what else has changed within a minute: probes without news cost no write each. Never
   * throws: what can't be written is tried again with the next.
   */
  put(id: string, kept: Kept, how: { readonly atOnce: boolean }): void;
  /** Never throws: a row that stays is dropped by the next daemon. */
  remove(id: string): void;
  /** Ends all that is watched, and writes what is not written. */
  close(): void;
}

const WRITE_EVERY_MS = 60_000;

export function createHealthTable(store: HealthStore<Kept>, log: Log): HealthTable {
  const rows = new Map(store.all().map(({ id, health }) => [id, health]));
  const monitors = new Map<string, Monitor>();
  const unwritten = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  const write = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const changed = [...unwritten].flatMap((id) => {
      const health = rows.get(id);
      return health === undefined ? [] : [{ id, health }];
    });
    try {
      if (changed.length > 0) store.put(changed);
      unwritten.clear();
    } catch (error) {
      log.error('Cannot write the health of containers', {
        containers: changed.length,
        error: messageOf(error),
      });
    }
  };
  return {
    monitors,
    ids: () => [...rows.keys()],
    get: (id) => rows.get(id),
    put: (id, kept, { atOnce }) => {
      rows.set(id, kept);
      unwritten.add(id);
      if (atOnce) write();
      else timer ??= setTimeout(write, WRITE_EVERY_MS).unref();
    },
    remove: (id) => {
      unwritten.delete(id);
      if (!rows.delete(id)) return;
      try {
        store.remove(id);
      } catch (error) {
        log.error('Cannot drop the health of a container', { container: id, error: messageOf(error) });
      }
    },
    close: () => {
      for (const monitor of monitors.values()) void monitor.stop();
      write();
    },
  };
}
