import { availableParallelism, cpus } from 'node:os';
import { readCgroupLayout, type CgroupLayout } from '../../runtime/cgroup/layout.ts';

/** What of the host does not change while the daemon runs. */
export interface Host {
  readonly cgroups: CgroupLayout;
  readonly cpus: number;
}

export async function readHost(): Promise<Host> {
  return { cgroups: await readCgroupLayout(), cpus: cpus().length || availableParallelism() };
}
