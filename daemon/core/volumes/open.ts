import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { KeyedLocks } from '../../../common/locks.ts';
import { workerPool } from '../../../image/workers/pool.ts';
import { openVolumeStore } from '../../store/volumes.ts';
import { isUp } from '../containers/state.ts';
import type { Core } from '../core.ts';
import { usedBytes } from '../disk/container-size.ts';
import { runCopy } from './copy-process.ts';
import { createDrivers } from './drivers.ts';
import { createLocalDriver } from './local.ts';
import type { VolumeParts } from './parts.ts';
import type { PluginDirectories } from './plugins/find.ts';
import { createPlugins } from './plugins/plugins.ts';
import { createSizes } from './sizes.ts';
import { createVolumeTable } from './table.ts';

/** Volumes that are removed at a time; a further one waits. */
const REMOVERS = 2;

/** The parts of volumes. `core` is asked for when a verb runs. */
export function openVolumeParts(
  db: DatabaseSync,
  {
    root,
    plugins,
    core,
  }: { readonly root: string; readonly plugins: PluginDirectories; readonly core: () => Core },
): VolumeParts {
  const table = createVolumeTable(openVolumeStore(db));
  const workers = workerPool(REMOVERS);
  const local = createLocalDriver(
    { root, workers, loops: () => core().loops },
    (name) => table.find(name)?.options,
  );
  const containersOf = (name: string) =>
    [...core().table.all()].filter(({ view }) =>
      view.mounts.some((point) => point.type === 'volume' && point.name === name),
    );
  return {
    get ctx() {
      return core().ctx;
    },
    get events() {
      return core().events;
    },
    table,
    drivers: createDrivers(local, createPlugins(plugins)),
    workers,
    locks: new KeyedLocks(),
    users: (name) => containersOf(name).map(({ id }) => id),
    isMounted: (name) =>
      containersOf(name).some(({ view: { state } }) => isUp(state) || state.kind === 'starting'),
    sizes: createSizes(async (ctx, name) => {
      await using opened = await local.open(ctx, name);
      return await usedBytes(ctx, join(opened.path, basename(local.dataPath(name))), new Set());
    }),
    copyTree: async (ctx, from, to) => {
      const { source: directory, loop } = await local.mount(ctx, from, '');
      await runCopy(core(), ctx, { from: { directory, loop }, to: await local.mount(ctx, to, '') });
    },
  };
}

export const makeVolumeRoot = (root: string): Promise<unknown> =>
  mkdir(root, { recursive: true, mode: 0o701 });
