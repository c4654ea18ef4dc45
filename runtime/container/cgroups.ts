import { readdirSync, readFileSync } from 'node:fs';
import type { ResolvedCgroups } from '../cgroup/contract.ts';
import { parseOwnCgroups } from '../cgroup/own.ts';
import { resolveCgroupsPath } from '../cgroup/path.ts';
import { directoryOfProcesses, kill, remove } from '../cgroup/live/processes.ts';
import { connectSystemd } from '../cgroup/systemd/units.ts';
import type { Settings } from './contract.ts';

/** Where a new container's cgroups go; undefined when it has none. Throws `invalid-argument` for a path that means nothing. */
export function placeCgroups(
  { driver, layout }: Pick<Settings, 'driver' | 'layout'>,
  { id, cgroupsPath }: { readonly id: string; readonly cgroupsPath: string | undefined },
): ResolvedCgroups | undefined {
  if (driver === 'disabled') return undefined;
  const isAbsolute = cgroupsPath?.startsWith('/') === true;
  const ownPaths = isAbsolute ? new Map<string, string>() : parseOwnCgroups(readText('/proc/self/cgroup'));
  return resolveCgroupsPath({ layout, cgroupsPath, id, ownPaths, driver });
}

const readText = (path: string): string => readFileSync(path, 'utf8');

/** Ends every process of a container and removes its cgroups, and the unit that systemd has for them. */
export async function removeCgroups(
  settings: Pick<Settings, 'rootless'>,
  cgroups: ResolvedCgroups,
): Promise<void> {
  if (!isEmpty(cgroups)) await kill(cgroups);
  if (cgroups.unit !== undefined) {
    const systemd = await connectSystemd({ isRootless: settings.rootless });
    await systemd.stop(cgroups.unit);
    systemd.close();
  }
  await remove(cgroups);
}

/** Nearly always so, and then libuv's threads need not start. */
function isEmpty(cgroups: ResolvedCgroups): boolean {
  const directory = directoryOfProcesses(cgroups);
  if (directory === undefined) return true;
  try {
    const below = readdirSync(directory, { withFileTypes: true });
    return readText(`${directory}/cgroup.procs`) === '' && !below.some((entry) => entry.isDirectory());
  } catch {
    return false;
  }
}
