import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Ctx } from '../../../common/ctx.ts';
import { internal, messageOf } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Container, MountPoint } from '../contract.ts';
import type { Core } from '../core.ts';
import { runCopy } from './copy-process.ts';
import { LOCAL_DRIVER, type MountedVolume } from './contract.ts';

/**
 * Gives an empty volume what the image has at its mount point, and that directory's owner and mode. It is done when the container is
 * created, as docker does it, by a process that mounts the image's layers in a mount namespace of its own: no path of the image is
 * ever resolved on the host. Where nobody has the volume mounted, it is copied beside it and put in its place whole.
 */
export async function copyUp(
  core: Core,
  ctx: Ctx,
  { view, point }: { readonly view: Container; readonly point: MountPoint },
): Promise<void> {
  const { name, driver: driverName } = point;
  const parts = core.volumeParts;
  using _lock = await parts.locks.acquire(name);
  const driver = await parts.drivers.get(ctx, driverName);
  const mounted = await driver.mount(ctx, name, view.id);
  try {
    if (mounted.mount?.type === 'tmpfs') return;
    const place = { view, destination: point.destination, to: mounted };
    if (driverName === LOCAL_DRIVER && mounted.mount === undefined)
      await fillLocal(core, ctx, { ...place, name });
    else await copyFromImage(core, ctx, place);
  } finally {
    await driver.unmount(ctx.detached(), name, view.id);
  }
}

interface Place {
  readonly view: Container;
  readonly destination: string;
  readonly to: MountedVolume;
}

async function fillLocal(core: Core, ctx: Ctx, place: Place & { readonly name: string }): Promise<void> {
  const { drivers, isMounted } = core.volumeParts;
  await using opened = await drivers.local.open(ctx, place.name);
  const data = join(opened.path, basename(place.to.source));
  if ((await readdir(data)).length > 0) return;
  if (isMounted(place.name)) await copyFromImage(core, ctx, place);
  else await copyBeside(core, ctx, { ...place, data });
}

async function copyBeside(
  core: Core,
  ctx: Ctx,
  { view, destination, to, data }: Place & { readonly data: string },
): Promise<void> {
  const [beside, source] = [data, to.source].map((path) => join(dirname(path), '_new')) as [string, string];
  // Of a crash.
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside, { mode: 0o755 });
  try {
    await copyFromImage(core, ctx, { view, destination, to: { ...to, source } });
    await failpoint('volume.fill.copied');
    // Takes the place of an empty directory, and of nothing else.
    await rename(beside, data);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

/** Docker's refusal of a volume where the image has a file. */
export const overFile = (destination: string, cause?: unknown): Error =>
  internal(`cannot mount volume over existing file, file exists ${destination}`, { cause });

async function copyFromImage(core: Core, ctx: Ctx, { view, destination, to }: Place): Promise<void> {
  const layers = core.disk.layers(view.imageId).map(({ directory }) => directory);
  if (layers.length === 0) return;
  try {
    await runCopy(core, ctx, { from: { layers: layers.toReversed(), path: destination }, to });
  } catch (error) {
    if (/ENOTDIR|not a directory/i.test(messageOf(error))) {
      throw overFile(destination, error);
    }
    throw error;
  }
}
