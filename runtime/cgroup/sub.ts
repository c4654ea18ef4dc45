import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import type { CgroupPlace } from './contract.ts';
import { isUnified } from './layout.ts';

/**
 * `runc exec --cgroup`: the place below a container's own that a further process joins, from arguments `path` or
 * `controller[,controller]:path`. Throws `invalid-argument` in runc's words for an unknown controller, for a path that leads out
 * of the container's cgroup, and for one that does not exist.
 *
 * In the returned layout each mount point is the directory to join, and the path is empty.
 */
export async function subCgroups(place: CgroupPlace, args: readonly string[]): Promise<CgroupPlace> {
  const paths = parseArguments(args);
  const { layout, path } = place;
  const known = new Set(layout.hierarchies.flatMap(({ controllers }) => controllers));
  for (const controller of paths.keys()) {
    const isKnown = controller === '' || (!isUnified(layout) && known.has(controller));
    if (!isKnown) throw invalidArgument(`unknown controller ${controller} in SubCgroupPaths`);
  }
  const join = (mountPoint: string, controllers: readonly string[]): string => {
    const own = `${mountPoint}${path}`;
    const asked = controllers.map((name) => paths.get(name)).find((each) => each !== undefined);
    const sub = asked ?? paths.get('') ?? '';
    const directory = posix.join(own, sub);
    if (directory.replace(/\/$/, '') !== own && !directory.startsWith(`${own}/`))
      throw invalidArgument(`bad sub cgroup path: ${sub}`);
    return directory.replace(/\/$/, '');
  };
  const joined = {
    ...layout,
    hierarchies: layout.hierarchies.map((hierarchy) => ({
      ...hierarchy,
      mountPoint: join(hierarchy.mountPoint, hierarchy.controllers),
    })),
    unified: layout.unified === undefined ? undefined : join(layout.unified, ['']),
  };
  await checkDirectories([
    ...joined.hierarchies.map(({ mountPoint }) => mountPoint),
    ...(joined.unified === undefined ? [] : [joined.unified]),
  ]);
  return { layout: joined, path: '' };
}

function parseArguments(args: readonly string[]): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const arg of args) {
    const parts = arg.split(':');
    if (parts.length > 2) throw invalidArgument(`invalid --cgroup argument: ${arg}`);
    const [controllers = '', path = ''] = parts.length === 1 ? ['', arg] : parts;
    if (parts.length === 1 && args.length > 1)
      throw invalidArgument(`invalid --cgroup argument: ${arg} (missing <controller>: prefix)`);
    for (const controller of controllers.split(',')) {
      if (paths.has(controller))
        throw invalidArgument(
          `invalid --cgroup argument(s): controller ${controller} specified multiple times`,
        );
      paths.set(controller, path);
    }
  }
  return paths;
}

async function checkDirectories(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    const found = await stat(directory).catch(() => undefined);
    if (found === undefined)
      throw invalidArgument(`error adding pid to cgroup ${directory}: no such file or directory`);
  }
}
