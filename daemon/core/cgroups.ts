import type { CgroupLayout } from '../../runtime/cgroup/layout.ts';
import { kill, remove } from '../../runtime/cgroup/live/processes.ts';
import type { Container } from './contract.ts';
import type { EngineOptions } from './options.ts';

/** `<parent>/<id>`, below each controller. */
function cgroupPath(parent: string, id: string): string {
  const absolute = parent.startsWith('/') ? parent : `/${parent}`;
  return `${absolute === '/' ? '' : absolute.replace(/\/+$/, '')}/${id}`;
}

/** Where a container's cgroup is. */
export const cgroupPathOf = (
  { config }: Pick<EngineOptions, 'config'>,
  container: Pick<Container, 'id' | 'config'>,
): string => cgroupPath(container.config.host.resources.cgroupParent || config.cgroupParent, container.id);

/** Removes a container's cgroup from every hierarchy. What is not there is no error; throws when a process stays in it. */
export const removeCgroup = async (layout: CgroupLayout, path: string): Promise<void> =>
  remove({ layout, path });

/** Kills every process in a container's cgroup, for one whose shim is gone. */
export const killCgroup = async (layout: CgroupLayout, path: string): Promise<void> => kill({ layout, path });
