import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * `<execRoot>/netns/<id>`: where CNI plugins and `nsenter --net=` find a container's network namespace. A symbolic link to
 * /proc/<pid>/ns/net and not a bind mount: the host holds nothing that could be left behind, and nothing keeps a namespace alive.
 */
export interface NetnsLinks {
  path(containerId: string): string;
  publish(containerId: string, pid: number): Promise<string>;
  unpublish(containerId: string): Promise<void>;
  /** Makes the directory, and removes the links of all others. */
  keepOnly(containerIds: ReadonlySet<string>): Promise<void>;
}

export function createNetnsLinks(directory: string): NetnsLinks {
  const path = (containerId: string): string => join(directory, containerId);
  return {
    path,
    publish: async (containerId, pid) => {
      const temporary = `${path(containerId)}.${pid}`;
      await symlink(`/proc/${pid}/ns/net`, temporary);
      await rename(temporary, path(containerId));
      return path(containerId);
    },
    unpublish: (containerId) => rm(path(containerId), { force: true }),
    keepOnly: async (containerIds) => {
      await mkdir(directory, { recursive: true, mode: 0o711 });
      const names = await readdir(directory);
      await Promise.all(
        names.filter((name) => !containerIds.has(name)).map((name) => rm(path(name), { force: true })),
      );
    },
  };
}
