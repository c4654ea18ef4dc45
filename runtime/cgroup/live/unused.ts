import { conflict } from '../../../common/errors.ts';
import type { CgroupPlace } from '../contract.ts';
import { isFrozen } from './freezer.ts';
import { processes } from './processes.ts';

/**
 * A container gets a cgroup for itself: one that exists may be used when nothing runs in it. Throws `conflict` in runc's words
 * for one with processes, or that is frozen, where the new process would never run.
 */
export async function checkUnused(place: CgroupPlace): Promise<void> {
  const { length } = await processes(place);
  if (length > 0) throw conflict(`container's cgroup is not empty: ${length} process(es) found`);
  if (await isFrozen(place)) throw conflict("container's cgroup unexpectedly frozen");
}
