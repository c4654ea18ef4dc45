import type { CgroupPlace } from '../../../runtime/cgroup/contract.ts';
import { cgroupPathOf } from '../cgroups.ts';
import type { Core } from '../core.ts';
import type { Task } from './find.ts';

/** Undefined: it is the runtime's affair where it is. */
export function cgroupOf(core: Core, task: Task): CgroupPlace | undefined {
  const layout = core.host.cgroups;
  if (task.kind === 'docker') return { layout, path: cgroupPathOf(core, task.entry.view) };
  const path = task.entry.fixed.task?.cgroupsPath;
  return path === undefined ? undefined : { layout, path };
}
