import { close, open } from 'node:fs';
import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Kernel } from '../kernel.ts';

/**
 * Network namespaces that the daemon holds by a descriptor: one for the plugins before the container's first process, and after its last.
 * `<execRoot>/cni/<id>` leads to it, so that plugins see one path whichever daemon calls them, and the host holds no mount. When the daemon
 * dies, one that no process is in goes, with its devices.
 */
export interface HeldNetns {
  path(containerId: string): string;
  isHeld(containerId: string): boolean;
  make(containerId: string): Promise<void>;
  /** The one that a process is in; nothing if it is held already. */
  adopt(containerId: string, pid: number): Promise<void>;
  drop(containerId: string): Promise<void>;
  /** Makes the directory, and removes what a daemon before left in it. */
  clear(): Promise<void>;
}

export function createHeldNetns(directory: string, kernel: Kernel): HeldNetns {
  const held = new Map<string, number>();
  const path = (containerId: string): string => join(directory, containerId);
  const keep = async (containerId: string, fd: number): Promise<void> => {
    held.set(containerId, fd);
    const temporary = `${path(containerId)}.new`;
    await rm(temporary, { force: true });
    await symlink(`/proc/${process.pid}/fd/${fd}`, temporary);
    await rename(temporary, path(containerId));
  };
  const drop = async (containerId: string): Promise<void> => {
    const fd = held.get(containerId);
    held.delete(containerId);
    await rm(path(containerId), { force: true });
    if (fd !== undefined) await closeFd(fd);
  };
  return {
    path,
    isHeld: (containerId) => held.has(containerId),
    make: async (containerId) => {
      await drop(containerId);
      await keep(containerId, await kernel.run({ kind: 'make-netns' }));
    },
    adopt: async (containerId, pid) => {
      if (!held.has(containerId)) await keep(containerId, await openFd(`/proc/${pid}/ns/net`, 'r'));
    },
    drop,
    clear: async () => {
      await mkdir(directory, { recursive: true, mode: 0o711 });
      await Promise.all((await readdir(directory)).map((name) => rm(join(directory, name), { force: true })));
    },
  };
}

const openFd = promisify<string, string, number>(open);
const closeFd = promisify(close);
