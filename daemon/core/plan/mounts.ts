import { lstat, readdir } from 'node:fs/promises';
import type { Ctx } from '../../../common/ctx.ts';
import { lookInLayers } from '../../../runtime/rootfs-files.ts';
import type { Container, MountPoint } from '../contract.ts';
import type { Core } from '../core.ts';
import { LOCAL_DRIVER } from '../volumes/contract.ts';
import { overFile } from '../volumes/copy-up.ts';
import { foreseeVolume } from '../volumes/create.ts';
import type { WantedVolume } from '../volumes/mount-points.ts';
import { within } from '../within.ts';
import type { PlannedMount } from './contract.ts';

/** A source on storage that does not answer is not waited for. */
const LOOK_MS = 2_000;

/** What becomes of each mount. Throws what create would throw of its volumes. */
export async function planMounts(
  core: Core,
  ctx: Ctx,
  { view, volumes }: { readonly view: Container; readonly volumes: readonly WantedVolume[] },
): Promise<readonly PlannedMount[]> {
  const existing = new Set<string>();
  for (const wanted of volumes) {
    const { exists } = await foreseeVolume(core.volumeParts, ctx, wanted);
    if (exists) existing.add(wanted.name);
  }
  const isNew = new Set(volumes.map(({ name }) => name).filter((name) => !existing.has(name)));
  return Promise.all(
    view.mounts.map(async (point): Promise<PlannedMount> => {
      if (point.type === 'bind') return { point, fill: false, source: await lookAt(point) };
      const source = isNew.has(point.name) ? 'made' : 'there';
      return { point, source, fill: await isFilled(view, point, source === 'made') };
    }),
  );
}

async function lookAt({ source, createSource }: MountPoint): Promise<PlannedMount['source']> {
  let found: PlannedMount['source'] = 'there';
  const looking = lstat(source).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') found = createSource ? 'made' : 'missing';
  });
  await within(LOOK_MS, looking);
  return found;
}

/** As copyUp decides it, without its process: an empty volume gets what the image's directory has. */
async function isFilled(view: Container, point: MountPoint, isNew: boolean): Promise<boolean> {
  const { type, driver, destination, copyUp, subpath, source } = point;
  if (type !== 'volume' || !copyUp || subpath !== '') return false;
  if (!isNew && driver === LOCAL_DRIVER && (await readdir(source)).length > 0) return false;
  const found = await lookInLayers(view.overlay.lower, destination);
  if (found === 'file') throw overFile(destination);
  return found === 'directory';
}
