import type { Core } from '../core.ts';
import type { HealthKeeper } from './keeper.ts';
import type { HealthTable } from './table.ts';
import { beginHealth, recoverHealth, restHealth, watchHealth } from './watch.ts';

/** `core` is complete by the time that it is asked for. */
export const makeHealth = (kept: HealthTable, core: () => Core): HealthKeeper => ({
  kept,
  begin: (entry) => beginHealth(core(), entry),
  watch: (entry) => watchHealth(core(), entry),
  rest: (entry) => restHealth(core(), entry),
  forget: (entry) => {
    void restHealth(core(), entry);
    kept.remove(entry.id);
  },
  recover: () => recoverHealth(core()),
  close: () => kept.close(),
});
