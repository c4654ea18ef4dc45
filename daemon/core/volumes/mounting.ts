import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { BorrowedMount } from '../../../runtime/contract.ts';
import type { NamedMount } from '../../../runtime/rootfs/volumes.ts';
import type { Container, MountPoint } from '../contract.ts';
import type { Core } from '../core.ts';
import { LOCAL_DRIVER } from './contract.ts';

/** The mounts of a container that is being started. */
export interface Mounted {
  /** With the sources that they have for this run. */
  readonly points: readonly MountPoint[];
  readonly hostSide: readonly NamedMount[];
  readonly borrowed: readonly BorrowedMount[];
  /** Directories of volumes whose loop file is mounted on them first. */
  readonly loops: readonly string[];
}

/**
 * Has its drivers mount the volumes. What was mounted by the time of a failure is for `unmountVolumes`, with the same `holder`: who has
 * them mounted, by which a plugin counts; by itself the container's run.
 */
export async function mountVolumes(
  core: Core,
  ctx: Ctx,
  { view, holder = view.id }: { readonly view: Container; readonly holder?: string },
): Promise<Mounted> {
  const points: MountPoint[] = [];
  const hostSide: NamedMount[] = [];
  const borrowed: BorrowedMount[] = [];
  const loops: string[] = [];
  for (const [index, point] of view.mounts.entries()) {
    switch (point.type) {
      case 'bind':
        points.push(point.idmap ? await withOwner(point) : point);
        break;
      case 'image': {
        const at = join(core.paths.container(view.id), `image-${index}`);
        hostSide.push(await imageAt(core, point, at));
        points.push({ ...point, source: at });
        break;
      }
      case 'volume': {
        const mounted = await mountVolume(core, ctx, { view, point, holder });
        points.push(mounted.point);
        if (mounted.loop !== undefined) loops.push(mounted.loop);
        if (mounted.borrowed !== undefined) borrowed.push(mounted.borrowed);
        else if (mounted.hostSide !== undefined) hostSide.push(mounted.hostSide);
      }
    }
  }
  await failpoint('volume.mount.done');
  return { points, hostSide, borrowed, loops };
}

/** All directories of a container that need their loop file mounted; each once. */
export const loopsOf = ({ overlay }: Container, { loops }: Mounted): readonly string[] => [
  ...new Set([...(overlay.loop === undefined ? [] : [overlay.loop]), ...loops]),
];

interface MountedPoint {
  readonly point: MountPoint;
  readonly loop?: string | undefined;
  readonly hostSide?: NamedMount;
  readonly borrowed?: BorrowedMount;
}

async function mountVolume(
  core: Core,
  ctx: Ctx,
  { view, point, holder }: { readonly view: Container; readonly point: MountPoint; readonly holder: string },
): Promise<MountedPoint> {
  const { name, destination } = point;
  // Throws for one that was removed by force.
  const { driver: driverName } = core.volumeParts.table.get(name);
  const driver = await core.volumeParts.drivers.get(ctx, driverName);
  const { source, loop, mount } = await driver.mount(ctx, name, holder);
  announceVolume(core, 'mount', { view, point });
  const found = { ...point, source };
  if (mount === undefined) return { point: found, loop };
  const donor = mount.type === 'tmpfs' ? findDonor(core, view.id, name) : undefined;
  if (donor !== undefined) return { point: found, borrowed: { destination, ...donor } };
  const { type, device, flags, data } = mount;
  return { point: found, hostSide: { at: source, what: { kind: 'file-system', type, device, flags, data } } };
}

/** A tmpfs is who has it mounted: a second container takes the first one's. */
function findDonor(
  { table }: Core,
  id: string,
  volume: string,
): { readonly pid: number; readonly from: string } | undefined {
  for (const { view } of table.all()) {
    const { state } = view;
    if (view.id === id || (state.kind !== 'running' && state.kind !== 'paused')) continue;
    const point = view.mounts.find(
      ({ type, name, subpath }) => type === 'volume' && name === volume && subpath === '',
    );
    if (point !== undefined) return { pid: state.pid, from: point.destination };
  }
  return undefined;
}

/** The reverse, for who stops or did not come to start; what a driver refuses is logged. */
export async function unmountVolumes(core: Core, view: Container, holder = view.id): Promise<void> {
  const ctx = core.ctx.detached();
  for (const point of view.mounts) {
    if (point.type !== 'volume') continue;
    try {
      if (point.driver !== LOCAL_DRIVER) {
        const driver = await core.volumeParts.drivers.get(ctx, point.driver);
        await driver.unmount(ctx, point.name, holder);
      }
      announceVolume(core, 'unmount', { view, point });
    } catch (error) {
      core.ctx.log.error('Cannot unmount a volume', { container: view.id, volume: point.name, error });
    }
  }
}

function announceVolume(
  { events }: Pick<Core, 'events'>,
  action: 'mount' | 'unmount',
  { view, point }: { readonly view: Container; readonly point: MountPoint },
): void {
  const { name, driver, destination, rw, propagation } = point;
  const more = action === 'mount' ? { destination, propagation, 'read/write': String(rw) } : {};
  events.publish({
    type: 'volume',
    action,
    actorId: name,
    attributes: { container: view.id, driver, ...more },
  });
}

async function imageAt(core: Core, { source }: MountPoint, at: string): Promise<NamedMount> {
  await mkdir(at, { recursive: true, mode: 0o755 });
  const layers = core.disk.layers(source).map(({ directory }) => directory);
  return { at, what: { kind: 'layers', layers: layers.toReversed() } };
}

async function withOwner(point: MountPoint): Promise<MountPoint> {
  const { uid, gid } = await stat(point.source);
  return { ...point, owner: { uid, gid } };
}
