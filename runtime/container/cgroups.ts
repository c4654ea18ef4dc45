import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { ResolvedCgroups } from '../cgroup/contract.ts';
import { parseOwnCgroups } from '../cgroup/own.ts';
import { resolveCgroupsPath } from '../cgroup/path.ts';
import { directoryOfProcesses, kill, remove } from '../cgroup/live/processes.ts';
import { cgroupDirectories } from '../cgroup/layout.ts';
import type { ContainerRecord, Settings } from './contract.ts';

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
    const { connectSystemd } = await import('../cgroup/systemd/units.ts');
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

/** Throws `conflict` in runc's words for cgroups in which somebody runs, or that are frozen. Those of most containers are not there yet. */
export async function refuseUsed(cgroups: ResolvedCgroups): Promise<void> {
  if (!cgroupDirectories(cgroups.layout, cgroups.path).some((directory) => existsSync(directory))) return;
  const { checkUnused } = await import('../cgroup/live/unused.ts');
  await checkUnused(cgroups);
}

/** With the systemd driver: makes the container's unit, and keeps it until the container is in it. */
export async function holdUnitOf(
  settings: Pick<Settings, 'rootless' | 'warn'>,
  { id, cgroups, spec }: ContainerRecord,
): Promise<Disposable | undefined> {
  if (cgroups?.unit === undefined) return undefined;
  const { holdUnit } = await import('../cgroup/systemd/hold.ts');
  const held = await holdUnit({
    unit: cgroups.unit,
    id,
    layout: cgroups.layout,
    resources: spec.linux.resources ?? {},
    annotations: spec.annotations ?? {},
    isRootless: settings.rootless,
    warn: settings.warn,
  });
  return { [Symbol.dispose]: () => held.release() };
}
