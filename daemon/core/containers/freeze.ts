import { freeze, isFrozen, thaw } from '../../../runtime/cgroup/live/freezer.ts';
import { cgroupPathOf } from '../cgroups.ts';
import type { Core } from '../core.ts';
import type { Entry } from './table.ts';

/** A container's freezer: for `pause`, for a commit, and to find out what the last daemon left. */
const placeOf = (core: Core, { view }: Entry) => ({
  layout: core.host.cgroups,
  path: cgroupPathOf(core, view),
});

/** Throws when the processes do not stop; they go on then. */
export const freezeEntry = (core: Core, entry: Entry): Promise<void> => freeze(placeOf(core, entry));

/** What is not frozen, or gone, is no error. */
export const thawEntry = (core: Core, entry: Entry): Promise<void> => thaw(placeOf(core, entry));

export const isEntryFrozen = (core: Core, entry: Entry): Promise<boolean> => isFrozen(placeOf(core, entry));
