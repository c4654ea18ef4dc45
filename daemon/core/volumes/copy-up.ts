import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
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
    const isPlain = driverName === LOCAL_DRIVER && mounted.mount === undefined;
    if (isPlain && (await readdir(mounted.source)).length > 0) return;
    const inPlace = !isPlain || parts.isMounted(name);
    const place = { view, destination: point.destination };
    if (inPlace) await copyFromImage(core, ctx, { ...place, to: mounted });
    else await copyBeside(core, ctx, { ...place, name, data: mounted.source });
  } finally {
    await driver.unmount(ctx.detached(), name, view.id);
  }
}

interface Place {
  readonly view: Container;
  readonly destination: string;
}

async function copyBeside(
  core: Core,
  ctx: Ctx,
  { view, destination, name, data }: Place & { readonly name: string; readonly data: string },
): Promise<void> {
  const beside = join(core.volumeParts.drivers.local.directory(name), '_new');
  // Of a crash.
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside, { mode: 0o755 });
  try {
    await copyFromImage(core, ctx, { view, destination, to: { source: beside } });
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

async function copyFromImage(
  core: Core,
  ctx: Ctx,
  { view, destination, to }: Place & { readonly to: MountedVolume },
): Promise<void> {
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
